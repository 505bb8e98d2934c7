// What the read bench asks for: the tables of the back-fill bench, the two relations, an index on token.owner, and the
// name and image that the marketplace's rows carry too.
import { index, onchainTable, relations } from "ponder";

export const token = onchainTable(
  "token",
  (t) => ({
    id: t.bigint().primaryKey(),
    owner: t.hex().notNull(),
    name: t.text().notNull(),
    image: t.text().notNull(),
  }),
  (t) => ({ ownerIdx: index().on(t.owner) }),
);

export const account = onchainTable("account", (t) => ({
  address: t.hex().primaryKey(),
  balance: t.integer().notNull(),
}));

export const tokenRelations = relations(token, ({ one }) => ({
  ownerAccount: one(account, { fields: [token.owner], references: [account.address] }),
}));

export const accountRelations = relations(account, ({ many }) => ({
  tokens: many(token),
}));
