// The API as the page calls it: queries and mutations over HTTP, subscriptions over one WebSocket.
import { type Client, createClient } from "graphql-ws";

export interface ApiErrorBody {
  message: string;
  extensions?: { code?: string; reason?: string; requestId?: string; details?: Record<string, string> };
}

/** A refusal of the API, with what a person and a program can do about it. */
export class ApiError extends Error {
  readonly reason: string;
  readonly code: string;
  readonly requestId: string;

  constructor(body: ApiErrorBody) {
    super(body.message);
    this.reason = body.extensions?.reason ?? "UNKNOWN";
    this.code = body.extensions?.code ?? "UNKNOWN";
    this.requestId = body.extensions?.requestId ?? "";
  }
}

export class Api {
  #ready: () => Promise<void>;
  #sockets: Client | null = null;

  /** `ready` renews the session whose cookies the browser sends by itself, when it needs that. */
  constructor(ready: () => Promise<void>) {
    this.#ready = ready;
  }

  /** The data of an answer. Throws `ApiError`. */
  async execute<T>(query: string, variables: Record<string, unknown> = {}, path = "/graphql"): Promise<T> {
    await this.#ready();
    const headers = { "Content-Type": "application/json" };
    return this.#answer<T>(await fetch(path, { method: "POST", headers, body: JSON.stringify({ query, variables }) }));
  }

  /** Runs a mutation whose only variable is `$file` (GraphQL multipart request specification). */
  async upload<T>(query: string, file: Blob, name: string): Promise<T> {
    const form = new FormData();
    form.append("operations", JSON.stringify({ query, variables: { file: null } }));
    form.append("map", JSON.stringify({ 0: ["variables.file"] }));
    form.append("0", file, name);
    await this.#ready();
    const headers = { "graphql-require-preflight": "1" };
    return this.#answer<T>(await fetch("/graphql", { method: "POST", headers, body: form }));
  }

  /**
   * Each event of a subscription, until the returned function is called. `variables` are kept up to date: a socket that
   * comes back, or a caller that subscribes with them again, goes on after the last event.
   */
  subscribe<T>(query: string, variables: Record<string, unknown>, next: (data: T) => void, failed: (error: ApiError) => void): () => void {
    this.#sockets ??= this.#open();
    return this.#sockets.subscribe<T>(
      { query, variables },
      {
        next: ({ data, errors }) => {
          if (errors?.[0]) failed(new ApiError(errors[0] as unknown as ApiErrorBody));
          else if (data) {
            next(data);
            variables.after = cursorOf(data) ?? variables.after;
          }
        },
        error: (error) => failed(asApiError(error)),
        complete: () => undefined,
      },
    );
  }

  /** Ends every subscription; the next one opens another socket. */
  hangUp(): void {
    void this.#sockets?.dispose();
    this.#sockets = null;
  }

  #open(): Client {
    return createClient({
      url: `${location.origin.replace(/^http/, "ws")}/graphql`,
      connectionParams: async () => {
        await this.#ready();
        return {};
      },
      retryAttempts: 8,
      shouldRetry: () => true,
    });
  }

  async #answer<T>(response: Response): Promise<T> {
    const answer = (await response.json()) as { data?: T; errors?: ApiErrorBody[] };
    if (answer.errors?.[0]) throw new ApiError(answer.errors[0]);
    if (!answer.data) throw new ApiError({ message: "the server gave no answer" });
    return answer.data;
  }
}

/** The place after an event, which its only field carries. */
function cursorOf(data: object): string | undefined {
  const event = Object.values(data)[0] as { cursor?: string } | null | undefined;
  return event?.cursor;
}

/** What the socket ended with: errors of the API, or the reason of its close. */
function asApiError(error: unknown): ApiError {
  if (Array.isArray(error) && error[0]) return new ApiError(error[0] as ApiErrorBody);
  if (error instanceof CloseEvent) {
    return new ApiError({ message: `the connection was closed (${error.code})`, extensions: { reason: error.reason } });
  }
  return new ApiError({ message: error instanceof Error ? error.message : "the connection was lost" });
}
