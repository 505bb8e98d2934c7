// A visitor of a marketplace: typed queries and mutations over HTTP, typed subscriptions over graphql-transport-ws.
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { type GraphQLFormattedError, print } from "graphql";
import { type Client, createClient } from "graphql-ws";
import {
  RequestNonceDocument,
  SignInDocument,
  type SignInMutation,
  UploadMediaDocument,
  type UploadMediaMutation,
} from "./generated/operations.js";

export * from "./generated/operations.js";

interface Answer<Data> {
  data?: Data | null;
  errors?: readonly GraphQLFormattedError[];
}

/** The first error of an answer: `code` is the kind of failure, `reason` is stable for programs. */
export class Refused extends Error {
  readonly code: string;
  readonly reason: string;
  readonly details: Readonly<Record<string, string>>;
  readonly requestId: string;

  constructor(error: GraphQLFormattedError) {
    super(error.message);
    const { code = "", reason = "", details = {}, requestId = "" } = (error.extensions ?? {}) as Partial<Refused>;
    this.code = code;
    this.reason = reason;
    this.details = details;
    this.requestId = requestId;
  }
}

export interface Options {
  /** The WebSocket to use where there is none in the platform (Node before 22): that of `ws`. */
  webSocketImpl?: unknown;
}

/** One visitor. Everything it calls throws `Refused` when the marketplace says no. */
export class Marketplace {
  readonly #url: string;
  readonly #socket: Client;
  #authorization = "";

  constructor(url: string, options: Options = {}) {
    this.#url = `${url.replace(/\/$/, "")}/graphql`;
    this.#socket = createClient({
      url: this.#url.replace(/^http/, "ws"),
      webSocketImpl: options.webSocketImpl,
      connectionParams: () => ({ authorization: this.#authorization }),
    });
  }

  /** Calls from here on, and sockets opened from here on, are made with this token. */
  authorize(accessToken: string): void {
    this.#authorization = `Bearer ${accessToken}`;
  }

  /** The data of a query or mutation. */
  async execute<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
    const body = JSON.stringify({ query: print(document), variables });
    return this.#post<Data>(body, { "Content-Type": "application/json" });
  }

  /** Stores a file under its content id (GraphQL multipart request specification). */
  async upload(file: Blob, name: string): Promise<UploadMediaMutation> {
    const form = new FormData();
    form.set("operations", JSON.stringify({ query: print(UploadMediaDocument), variables: { file: null } }));
    form.set("map", JSON.stringify({ 0: ["variables.file"] }));
    form.set("0", file, name);
    return this.#post<UploadMediaMutation>(form, { "GraphQL-Require-Preflight": "1" });
  }

  /** The events of a subscription, until the loop over them is left. */
  async *subscribe<Data, Variables extends Record<string, unknown>>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
  ): AsyncGenerator<Data, void, void> {
    const payload = { query: print(document), variables };
    try {
      for await (const answer of this.#socket.iterate<Data>(payload)) yield dataOf<Data>(answer as Answer<Data>);
    } catch (error) {
      throw Array.isArray(error) ? new Refused(error[0] as GraphQLFormattedError) : error;
    }
  }

  /** Asks for a message (EIP-4361), has `sign` make its personal_sign signature (0x-hex), and signs in. */
  async signIn(
    address: string,
    chainId: string,
    sign: (message: string) => Promise<string>,
  ): Promise<SignInMutation["signIn"]> {
    const { requestNonce: asked } = await this.execute(RequestNonceDocument, { address, chainId });
    const signature = await sign(asked.message);
    const { signIn: session } = await this.execute(SignInDocument, { message: asked.message, signature });
    // Null for tokens in cookies, which this client does not ask for.
    if (session.tokens.accessToken !== null) this.authorize(session.tokens.accessToken);
    return session;
  }

  /** Closes the socket, if there is one. */
  async close(): Promise<void> {
    await this.#socket.dispose();
  }

  async #post<Data>(body: string | FormData, headers: Record<string, string>): Promise<Data> {
    const sent: Record<string, string> = { Accept: "application/json", ...headers };
    if (this.#authorization) sent["Authorization"] = this.#authorization;
    const answer = await fetch(this.#url, { method: "POST", body, headers: sent });
    return dataOf((await answer.json()) as Answer<Data>);
  }
}

function dataOf<Data>(answer: Answer<Data>): Data {
  const [error] = answer.errors ?? [];
  if (error) throw new Refused(error);
  return answer.data as Data;
}
