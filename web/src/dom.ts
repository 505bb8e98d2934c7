// Elements from code; text is always text, never markup.

export type Child = Node | string | number | null | undefined | false;
type Props = Record<string, unknown>;

/** An element: `on…` properties are listeners, `class` and `data-…` attributes, the rest properties or attributes. */
export function h(tag: string, props: Props = {}, ...children: Child[]): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on") && typeof value === "function") {
      element.addEventListener(name.slice(2), value as EventListener);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...shown(children));
  return element;
}

const shown = (children: Child[]): (Node | string)[] =>
  children
    .filter((c): c is Node | string | number => c !== null && c !== undefined && c !== false)
    .map((c) => (typeof c === "number" ? String(c) : c));

/** The element with this id, which the page has. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

/** Puts `children` in place of what was inside. */
export function fill(parent: HTMLElement, ...children: Child[]): void {
  parent.replaceChildren(...shown(children));
}

export const short = (address: string): string => `${address.slice(0, 6)}…${address.slice(-4)}`;

/** A text with its hashes shortened. */
export const shortened = (text: string): string => text.replace(/0x[0-9a-f]{64}/gi, (hash) => `${hash.slice(0, 10)}…`);

/** Milliseconds for people: "34 ms", "1.2 s". */
export const duration = (ms: number): string =>
  ms < 1000 ? `${Math.max(0, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
