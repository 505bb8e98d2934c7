// The signed-in session of this browser. Its tokens are in cookies that no script reads; kept here is whose they are and when they end.
import { ApiError, type ApiErrorBody } from "./api";
import { REFRESH, SESSION_PATH, type Ends } from "./documents";

const KEY = "mercato.session";
const RENEW_BEFORE = 60_000;

export interface Session extends Ends {
  address: string;
}

function stored(): Session | null {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "null") as Session | null;
  } catch {
    return null;
  }
}

const isEnding = (session: Session): boolean => Date.parse(session.accessTokenExpiresAt) - Date.now() < RENEW_BEFORE;

export class SessionKeeper {
  #session: Session | null = stored();
  #renewal: Promise<void> | null = null;
  onChange: (session: Session | null) => void = () => undefined;

  constructor() {
    // Cookies are those of all tabs: what one of them opens or closes is so for the others.
    addEventListener("storage", (event) => {
      if (event.key === KEY) this.#become(stored());
    });
  }

  get current(): Session | null {
    return this.#session;
  }

  open(session: Session | null): void {
    if (session) localStorage.setItem(KEY, JSON.stringify(session));
    else localStorage.removeItem(KEY);
    this.#become(session);
  }

  /** Returns when the session, if there is one, is good for another minute. */
  async ready(): Promise<void> {
    if (!this.#session || !isEnding(this.#session)) return;
    this.#renewal ??= this.#renewAlone().finally(() => {
      this.#renewal = null;
    });
    await this.#renewal;
  }

  /** A refresh token works once, and its second use ends the session: tabs take turns. */
  async #renewAlone(): Promise<void> {
    if (!("locks" in navigator)) return await this.#renew();
    await navigator.locks.request(KEY, async () => {
      const known = stored();
      if (known && !isEnding(known)) this.#become(known);
      else await this.#renew();
    });
  }

  async #renew(): Promise<void> {
    const known = this.#session;
    if (!known) return;
    const response = await fetch(SESSION_PATH, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ query: REFRESH, variables: { input: {} } }),
    });
    const answer = (await response.json()) as { data?: { refreshSession: { tokens: Ends } } | null; errors?: ApiErrorBody[] };
    if (answer.data?.refreshSession) {
      this.open({ ...known, ...answer.data.refreshSession.tokens });
    } else if (answer.errors?.[0] && new ApiError(answer.errors[0]).code === "UNAUTHENTICATED") {
      this.open(null);
    }
  }

  #become(session: Session | null): void {
    this.#session = session;
    this.onChange(session);
  }
}
