// Plays a newcomer against the marketplace at MERCATO_URL, with the chain MERCATO_CHAIN and its node MERCATO_NODE.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { WebSocket } from "ws";
import {
  GetCollectionDocument,
  GetIntentDocument,
  GetViewerDocument,
  type IntentFieldsFragment,
  IntentUpdatesDocument,
  ListChainChangesDocument,
  Marketplace,
  MyEventsDocument,
  PrepareCreateCollectionDocument,
  PrepareMint721Document,
  ListTokensDocument,
  Refused,
} from "../src/index.js";

const HAPPY = ["PREPARED", "SUBMITTED", "INCLUDED", "CONFIRMED", "INDEXED"];
const url = given("MERCATO_URL");
const chainId = given("MERCATO_CHAIN");
const node = given("MERCATO_NODE");
const wallet = privateKeyToAccount(generatePrivateKey());
const market = new Marketplace(url, { webSocketImpl: WebSocket });

function given(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
}

async function ask<Result>(method: string, ...params: unknown[]): Promise<Result> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const answer = await fetch(node, { method: "POST", body, headers: { "Content-Type": "application/json" } });
  const { result, error } = (await answer.json()) as { result: Result; error?: unknown };
  assert.equal(error, undefined);
  return result;
}

async function send({ transaction }: IntentFieldsFragment): Promise<string> {
  assert.ok(transaction);
  const nonce = Number(await ask<string>("eth_getTransactionCount", wallet.address, "pending"));
  const signed = await wallet.signTransaction({
    type: "eip1559",
    chainId: transaction.chainNumber,
    nonce,
    to: transaction.to as `0x${string}`,
    data: transaction.data as `0x${string}`,
    value: BigInt(transaction.value),
    gas: BigInt(transaction.gasLimit),
    maxFeePerGas: BigInt(transaction.maxFeePerGas),
    maxPriorityFeePerGas: BigInt(transaction.maxPriorityFeePerGas),
  });
  return ask<string>("eth_sendRawTransaction", signed);
}

/** Subscribes, sends, and follows an intent until it is indexed. */
async function sendAndWatch(intent: IntentFieldsFragment): Promise<{ states: string[]; txHash: string }> {
  const states: string[] = [];
  let txHash = "";
  for await (const { intentUpdates: update } of market.subscribe(IntentUpdatesDocument, { id: intent.id })) {
    states.push(update.state);
    if (update.snapshot) txHash = await send(intent);
    if (update.state === "INDEXED") return { states, txHash };
  }
  throw new Error(`the subscription ended after ${states.join(", ")}`);
}

before(async () => {
  await ask("anvil_setBalance", wallet.address, "0x56bc75e2d63100000");
  const session = await market.signIn(wallet.address, chainId, (message) => wallet.signMessage({ message }));
  assert.equal(session.newUser, true);
});

after(() => market.close());

test("who signed in hears of it and is known", async () => {
  const heard = new Set<string>();
  for await (const { myEvents: event } of market.subscribe(MyEventsDocument, {})) {
    heard.add(event.__typename);
    if (event.__typename === "UserLoggedIn") assert.equal(event.address, wallet.address);
    if (heard.has("UserLoggedIn") && heard.has("WalletLinked")) break;
  }
  const { viewer } = await market.execute(GetViewerDocument, {});
  assert.equal(viewer?.address, wallet.address);
});

test("a collection is made, minted from, and read", async () => {
  const input = { chainId, standard: "ERC721", name: "Typed", symbol: "TYP", mintConfig: { maxSupply: "5" } } as const;
  const key = { idempotencyKey: randomUUID() };
  const { prepareCreateCollection: prepared } = await market.execute(PrepareCreateCollectionDocument, { input, ...key });
  const { contract } = prepared.intent;
  const made = await sendAndWatch(prepared.intent);
  assert.deepEqual(made.states, HAPPY);
  const { intent } = await market.execute(GetIntentDocument, { id: prepared.intent.id });
  assert.deepEqual([intent?.state, intent?.txHash], ["INDEXED", made.txHash]);
  const { collection } = await market.execute(GetCollectionDocument, { chainId, contract });
  assert.deepEqual([collection?.name, collection?.owner], ["Typed", wallet.address]);

  const mint = { chainId, contract, quantity: 2 };
  const minting = await market.execute(PrepareMint721Document, { input: mint, idempotencyKey: randomUUID() });
  assert.deepEqual((await sendAndWatch(minting.prepareMint721.intent)).states, HAPPY);
  const { tokens } = await market.execute(ListTokensDocument, { filter: { chainId, contract } });
  const owners = tokens.nodes.map((token) => [token.tokenId, token.owner]).sort();
  assert.deepEqual(owners, [["1", wallet.address], ["2", wallet.address]]);
});

test("a refusal tells its reason over both transports", async () => {
  const isAdminOnly = (error: unknown) => error instanceof Refused && error.reason === "ADMIN_REQUIRED";
  await assert.rejects(market.execute(ListChainChangesDocument, {}), isAdminOnly);
  const nobody = market.subscribe(IntentUpdatesDocument, { id: randomUUID() });
  await assert.rejects(nobody.next(), (error) => error instanceof Refused && error.code === "NOT_FOUND");
});

test("a picture is stored under its content id", async () => {
  const picture = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==", "base64");
  const { uploadMedia } = await market.upload(new Blob([picture], { type: "image/png" }), "dot.png");
  assert.equal(uploadMedia.asset.contentType, "image/png");
});
