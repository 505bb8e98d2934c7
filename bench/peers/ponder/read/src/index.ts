import { ponder } from "ponder:registry";
import { account, token } from "ponder:schema";

const ZERO = "0x0000000000000000000000000000000000000000";

ponder.on("BenchNFT:Transfer", async ({ event, context }) => {
  const { from, to, tokenId } = event.args;
  if (from !== ZERO) {
    await context.db
      .insert(account)
      .values({ address: from, balance: 0 })
      .onConflictDoUpdate((row) => ({ balance: row.balance - 1 }));
  }
  await context.db
    .insert(account)
    .values({ address: to, balance: 1 })
    .onConflictDoUpdate((row) => ({ balance: row.balance + 1 }));
  await context.db
    .insert(token)
    .values({ id: tokenId, owner: to, name: `Recorded #${tokenId}`, image: `ipfs://bafkreibenchimages/${tokenId}.png` })
    .onConflictDoUpdate({ owner: to });
});
