// The signed-in session of this tab: its tokens, renewed before they end.
import { ApiError, type ApiErrorBody } from "./api";
import { REFRESH, type Tokens } from "./documents";

const KEY = "mercato.session";
const RENEW_BEFORE = 60_000;

export interface Session extends Tokens {
  address: string;
}

/** The access token of this tab as it stands, for pages that only read it. */
export function storedAccessToken(): string | null {
  return stored()?.accessToken ?? null;
}

function stored(): Session | null {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Session | null;
  } catch {
    return null;
  }
}

export class SessionKeeper {
  #session: Session | null = stored();
  #renewal: Promise<void> | null = null;
  onChange: (session: Session | null) => void = () => undefined;

  get current(): Session | null {
    return this.#session;
  }

  open(session: Session | null): void {
    this.#session = session;
    if (session) sessionStorage.setItem(KEY, JSON.stringify(session));
    else sessionStorage.removeItem(KEY);
    this.onChange(session);
  }

  /** A token that is good for another minute, or null. A refresh token works once, so renewals never overlap. */
  async token(): Promise<string | null> {
    if (this.#session && Date.parse(this.#session.accessTokenExpiresAt) - Date.now() < RENEW_BEFORE) {
      this.#renewal ??= this.#renew().finally(() => {
        this.#renewal = null;
      });
      await this.#renewal;
    }
    return this.#session?.accessToken ?? null;
  }

  async #renew(): Promise<void> {
    const known = this.#session;
    if (!known) return;
    const response = await fetch("/graphql", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ query: REFRESH, variables: { input: { refreshToken: known.refreshToken } } }),
    });
    const answer = (await response.json()) as { data?: { refreshSession: { tokens: Tokens } } | null; errors?: ApiErrorBody[] };
    if (answer.data?.refreshSession) {
      this.open({ ...known, ...answer.data.refreshSession.tokens });
    } else if (answer.errors?.[0] && new ApiError(answer.errors[0]).code === "UNAUTHENTICATED") {
      this.open(null);
    }
  }
}
