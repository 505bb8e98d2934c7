// The live feed: one line for each event, newest on top.
import { duration, h, short } from "./dom";
import type { FeedEvent } from "./documents";

const MOST = 60;
const FRESH = 5000;

const token = (e: FeedEvent): string => `#${e.tokenId}${e.contract ? ` of ${short(e.contract)}` : ""}`;
const units = (e: FeedEvent): string => (e.amount && e.amount !== "1" ? `${e.amount} × ` : "");

const LINES: Record<FeedEvent["__typename"], (e: FeedEvent) => [string, string]> = {
  CollectionUpserted: (e) => ["collection", `${e.name || "A collection"} at ${short(e.contract ?? "")}`],
  TokenUpserted: (e) => ["mint", `${units(e)}${token(e)}${e.owner ? ` to ${short(e.owner)}` : ""}`],
  TokenTransferred: (e) => ["transfer", `${units(e)}${token(e)}${e.to ? ` to ${short(e.to)}` : ""}`],
  TokenEnriched: (e) => ["metadata", `${token(e)} is “${e.name || "unnamed"}”`],
  Retracted: (e) => ["reorg", `from block ${e.fromBlock}: what was told no longer holds`],
  UserLoggedIn: (e) => ["you", `signed in with ${short(e.address ?? "")}`],
  WalletLinked: (e) => ["you", `wallet ${short(e.address ?? "")} linked`],
  IntentChanged: () => ["you", "a transaction changed"],
  Gap: () => ["gap", "some of what happened before may be missing here"],
};

export class Feed {
  #root: HTMLElement;
  #seen = new Set<string>();

  constructor(root: HTMLElement) {
    this.#root = root;
    this.clear();
  }

  clear(): void {
    this.#seen.clear();
    this.#root.replaceChildren(h("li", { class: "empty" }, "Quiet so far. Sign in to listen."));
  }

  /** Adds a line; the same event twice is one line, and so is a collection that one block both makes and configures. */
  add(event: FeedEvent): void {
    if (event.__typename === "Gap") event = { ...event, eventId: event.cursor, pushedAt: new Date().toISOString() };
    const block = event.__typename === "CollectionUpserted" ? event.position?.blockNumber : undefined;
    const key = `${event.__typename} ${block === undefined ? event.eventId : `${event.contract} ${block}`}`;
    if (event.__typename === "IntentChanged" || this.#seen.has(key)) return;
    if (this.#seen.size === 0) this.#root.replaceChildren();
    this.#seen.add(key);
    const [kind, text] = LINES[event.__typename](event);
    const mined = event.position?.blockTime ? `block ${new Date(event.position.blockTime).toLocaleTimeString()}, ` : "";
    // What was told before this page listened was not on the way so long.
    const way = Date.now() - Date.parse(event.pushedAt);
    const when = way < FRESH ? duration(way) : new Date(event.pushedAt).toLocaleTimeString();
    this.#root.prepend(
      h(
        "li",
        { title: `${mined}pushed ${new Date(event.pushedAt).toLocaleTimeString()}` },
        h("span", { class: "badge", "data-bad": kind === "reorg" }, kind),
        h("span", { class: "what" }, text),
        h("span", { class: "when" }, when),
      ),
    );
    while (this.#root.childElementCount > MOST) this.#root.lastElementChild?.remove();
  }
}
