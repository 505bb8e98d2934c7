// Token cards.
import type { Token } from "./documents";
import { fill, h } from "./dom";

export function drawTokens(root: HTMLElement, tokens: Token[], empty: string): void {
  fill(root, ...(tokens.length ? tokens.map(card) : [h("p", { class: "empty" }, empty)]));
}

function card(token: Token): HTMLElement {
  const art = h("div", { class: "art" });
  if (token.imageUrl) {
    // A picture that cannot be shown must not leave a broken mark.
    art.append(h("img", { src: token.imageUrl, alt: token.name ?? "", loading: "lazy", onerror: () => fill(art, "no picture") }));
  } else {
    art.append(token.metadataState === "pending" ? "metadata on its way" : "no picture");
  }
  const edition = token.standard === "ERC1155" ? ` · ${token.supply} exist` : "";
  const traits = token.traits.map((t) => `${t.name}: ${t.value}`).join("\n");
  return h(
    "div",
    { class: "token", title: traits || undefined },
    art,
    h(
      "div",
      { class: "text" },
      h("div", { class: "name" }, token.name ?? `#${token.tokenId}`),
      h("p", { class: "note" }, `${token.collection?.name ?? "Collection"} · #${token.tokenId}${edition}`),
    ),
  );
}
