// GraphiQL for this server: it speaks as the user who is signed in on the start page, if any, by the browser's cookies.
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import "graphiql/graphiql.css";
import { createClient } from "graphql-ws";
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import "./graphiql.css";
import { SessionKeeper } from "./session";

const FIRST_QUERY = `# Mercato. What you do here is what any client can do.
# Sign in on the start page first for what needs a user; a header may carry another token.
query Market {
  chains { chainId name currency { symbol } confirmations }
  collections(first: 5) {
    nodes { name contract standard supply tokens(first: 3) { nodes { tokenId name owner } } }
  }
  activities(first: 5) { nodes { kind tokenId from to occurredAt position { blockNumber } } }
}
`;

const keeper = new SessionKeeper();

const fetcher = createGraphiQLFetcher({
  url: "/graphql",
  fetch: async (input, init) => {
    await keeper.ready();
    return await fetch(input, init);
  },
  wsClient: createClient({
    url: `${location.origin.replace(/^http/, "ws")}/graphql`,
    connectionParams: async () => {
      await keeper.ready();
      return {};
    },
    lazy: true,
  }),
});

const root = document.getElementById("root");
if (root) createRoot(root).render(createElement(GraphiQL, { fetcher, defaultQuery: FIRST_QUERY }));
