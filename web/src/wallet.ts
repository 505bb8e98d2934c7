// Two kinds of wallets: a play key kept in this browser, and the browser's own wallet (EIP-1193).
import { type Hex, numberToHex } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import type { Transaction } from "./documents";

const KEY = "mercato.play-key";

/** A chain of this marketplace; `rpcUrl` is known only for local play chains. */
export interface PlayChain {
  chainId: string;
  number: number;
  name: string;
  symbol: string;
  decimals: number;
  rpcUrl: string | null;
}

export interface Wallet {
  readonly kind: "play" | "browser";
  readonly address: string;
  /** EIP-191 signature of a text. */
  signMessage(text: string): Promise<Hex>;
  /** Signs and sends; gives the transaction's hash. */
  send(transaction: Transaction, chain: PlayChain): Promise<Hex>;
}

interface Provider {
  request(call: { method: string; params?: unknown[] }): Promise<unknown>;
}

const provider = (): Provider | undefined => (window as { ethereum?: Provider }).ethereum;

export const hasBrowserWallet = (): boolean => provider() !== undefined;

/** JSON-RPC to the node of a local chain. */
export async function callNode<T>(chain: PlayChain, method: string, ...params: unknown[]): Promise<T> {
  if (!chain.rpcUrl) throw new Error(`${chain.name} has no node that this page may use`);
  let response: Response;
  try {
    response = await fetch(chain.rpcUrl, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
  } catch {
    throw new Error(`the node of ${chain.name} at ${chain.rpcUrl} does not answer`);
  }
  const answer = (await response.json()) as { result?: T; error?: { message: string } };
  if (answer.error) throw new Error(answer.error.message);
  return answer.result as T;
}

export async function balanceOf(address: string, chain: PlayChain): Promise<bigint> {
  return BigInt(await callNode<string>(chain, "eth_getBalance", address, "latest"));
}

/** Test coins, from anvil. */
export async function fund(address: string, chain: PlayChain, wei: bigint): Promise<void> {
  await callNode(chain, "anvil_setBalance", address, numberToHex(wei));
}

export const hasPlayWallet = (): boolean => localStorage.getItem(KEY) !== null;

/** The play wallet of this browser, made on first use. Its key is no secret from anybody who uses this browser. */
export function playWallet(): Wallet {
  let key = localStorage.getItem(KEY) as Hex | null;
  if (!key) {
    key = generatePrivateKey();
    localStorage.setItem(KEY, key);
  }
  const account = privateKeyToAccount(key);
  return {
    kind: "play",
    address: account.address,
    signMessage: (text) => account.signMessage({ message: text }),
    async send(transaction, chain) {
      const nonce = await callNode<string>(chain, "eth_getTransactionCount", account.address, "pending");
      const raw = await account.signTransaction({
        type: "eip1559",
        chainId: transaction.chainNumber,
        nonce: Number(nonce),
        to: transaction.to,
        data: transaction.data,
        value: BigInt(transaction.value),
        gas: BigInt(transaction.gasLimit),
        maxFeePerGas: BigInt(transaction.maxFeePerGas),
        maxPriorityFeePerGas: BigInt(transaction.maxPriorityFeePerGas),
      });
      return callNode<Hex>(chain, "eth_sendRawTransaction", raw);
    },
  };
}

/** The browser's own wallet; asks the person. */
export async function browserWallet(): Promise<Wallet> {
  const found = provider();
  if (!found) throw new Error("this browser has no wallet extension");
  const [address] = (await found.request({ method: "eth_requestAccounts" })) as string[];
  if (!address) throw new Error("the wallet named no account");
  return {
    kind: "browser",
    address,
    signMessage: async (text) =>
      (await found.request({ method: "personal_sign", params: [utf8Hex(text), address] })) as Hex,
    async send(transaction, chain) {
      await switchTo(found, chain);
      const params = {
        from: address,
        to: transaction.to,
        data: transaction.data,
        value: numberToHex(BigInt(transaction.value)),
        gas: numberToHex(BigInt(transaction.gasLimit)),
        maxFeePerGas: numberToHex(BigInt(transaction.maxFeePerGas)),
        maxPriorityFeePerGas: numberToHex(BigInt(transaction.maxPriorityFeePerGas)),
      };
      return (await found.request({ method: "eth_sendTransaction", params: [params] })) as Hex;
    },
  };
}

async function switchTo(found: Provider, chain: PlayChain): Promise<void> {
  const chainId = numberToHex(chain.number);
  try {
    await found.request({ method: "wallet_switchEthereumChain", params: [{ chainId }] });
  } catch (error) {
    // 4902 (EIP-3326): the wallet does not know the chain yet.
    if ((error as { code?: number }).code !== 4902 || !chain.rpcUrl) throw error;
    const nativeCurrency = { name: chain.symbol, symbol: chain.symbol, decimals: chain.decimals };
    const added = { chainId, chainName: chain.name, rpcUrls: [chain.rpcUrl], nativeCurrency };
    await found.request({ method: "wallet_addEthereumChain", params: [added] });
  }
}

const utf8Hex = (text: string): Hex =>
  `0x${[...new TextEncoder().encode(text)].map((b) => b.toString(16).padStart(2, "0")).join("")}`;
