// What a transfer does to the three tables.
import { Collection } from "generated";

const NOBODY = "0x0000000000000000000000000000000000000000";

Collection.Transfer.handler(async ({ event, context }) => {
  const { from, to, tokenId } = event.params;
  const add = async (id: string, units: number) => {
    const account = await context.Account.getOrCreate({ id, balance: 0 });
    context.Account.set({ ...account, balance: account.balance + units });
  };
  if (from !== NOBODY) await add(from, -1);
  await add(to, 1);
  context.Token.set({ id: tokenId.toString(), owner: to });
  context.TransferEvent.set({
    id: `${event.block.number}-${event.logIndex}`,
    from,
    to,
    token: tokenId,
    block: event.block.number,
    timestamp: event.block.timestamp,
    tx: event.transaction.hash,
  });
});
