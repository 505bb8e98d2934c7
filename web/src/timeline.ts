// The viewer's transactions: each step as it is pushed, with the time since sending and the time on the way.
import type { Intent, IntentUpdate, Step } from "./documents";
import { type Child, duration, fill, h, short, shortened } from "./dom";

const PATH = ["PREPARED", "SUBMITTED", "INCLUDED", "CONFIRMED", "INDEXED"];
const BAD = new Set(["FAILED", "REPLACED", "DROPPED", "EXPIRED"]);
const MOST_SHOWN = 6;

interface Row {
  step: Step;
  /** When this page heard of it, and how long the push took; null for what was read. */
  heard: { at: number; way: number | null } | null;
}

export class Timeline {
  #root: HTMLElement;
  #shown: IntentView[] = [];

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#draw();
  }

  /** The card of an intent; made on first sight. */
  of(intent: Intent, title: string): IntentView {
    let view = this.#shown.find((v) => v.id === intent.id);
    if (!view) {
      view = new IntentView(intent, title);
      this.#shown = [view, ...this.#shown].slice(0, MOST_SHOWN);
      this.#draw();
    }
    return view;
  }

  clear(): void {
    this.#shown = [];
    this.#draw();
  }

  #draw(): void {
    const empty = h("p", { class: "empty" }, "Nothing yet. Create a collection, and its steps appear here.");
    fill(this.#root, ...(this.#shown.length ? this.#shown.map((v) => v.element) : [empty]));
  }
}

export class IntentView {
  readonly element = h("div", { class: "intent" });
  #intent: Intent;
  #title: string;
  #rows: Row[];
  #sent: number | null = null;

  constructor(intent: Intent, title: string) {
    this.#intent = intent;
    this.#title = title;
    this.#rows = intent.timeline.map((step) => ({ step, heard: null }));
    this.#draw();
  }

  get id(): string {
    return this.#intent.id;
  }

  get intent(): Intent {
    return this.#intent;
  }

  /** From now on times count: the wallet has sent. */
  sent(): void {
    this.#sent = performance.now();
  }

  update(update: IntentUpdate): void {
    this.#intent = update.intent;
    const way = update.pushedAt ? Date.now() - Date.parse(update.pushedAt) : null;
    const known = this.#rows.length;
    this.#rows = update.intent.timeline.map(
      (step, i) => this.#rows[i] ?? { step, heard: update.snapshot ? null : { at: performance.now(), way } },
    );
    if (known !== this.#rows.length || update.intent.failure) this.#draw();
  }

  #draw(): void {
    const { state, contract, failure, tokenIds } = this.#intent;
    const bad = BAD.has(state);
    const reached = Math.max(...this.#rows.map((r) => PATH.indexOf(r.step.state)));
    const at = bad ? reached : PATH.indexOf(state);
    fill(
      this.element,
      h(
        "h3",
        {},
        this.#title,
        h("span", { class: "badge", "data-bad": bad }, state),
        h("span", { class: "hint mono", title: contract }, short(contract)),
        tokenIds.length > 0 && h("span", { class: "hint" }, `#${tokenIds.slice(0, 5).join(", #")}${tokenIds.length > 5 ? " …" : ""}`),
      ),
      h("div", { class: "path", "data-bad": bad }, ...PATH.map((_, i) => h("i", { "data-on": i <= at }))),
      ...this.#rows.map((row) => this.#row(row)),
      failure && h("p", { class: "note" }, h("span", { class: "badge", "data-bad": true }, failure.reason), ` ${failure.message}`),
    );
  }

  #row({ step, heard }: Row): Child {
    const since = heard && this.#sent !== null ? duration(heard.at - this.#sent) : new Date(step.at).toLocaleTimeString();
    const way = heard?.way !== null && heard?.way !== undefined ? `push ${duration(heard.way)}` : "";
    return h(
      "div",
      { class: "step" },
      h("b", {}, step.state.charAt(0) + step.state.slice(1).toLowerCase()),
      h("span", { class: "note", title: step.note }, shortened(step.note ?? "")),
      h("span", { class: "when", title: way ? "since sending · on the way from the push to this page" : "when it happened" }, since, way && ` · ${way}`),
    );
  }
}
