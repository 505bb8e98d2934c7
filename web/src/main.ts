// The start page: wallet, sign-in, collection, mint, and everything that happens, live.
import { formatEther, parseEther } from "viem";
import { Api, ApiError } from "./api";
import { drawPicture } from "./art";
import * as documents from "./documents";
import type { Chain, Collection, Ends, FeedEvent, Intent, IntentUpdate, Token } from "./documents";
import { byId, fill, h, short } from "./dom";
import { Feed } from "./feed";
import { drawTokens } from "./gallery";
import { type Session, SessionKeeper } from "./session";
import "./style.css";
import { type IntentView, Timeline } from "./timeline";
import {
  type PlayChain,
  type Wallet,
  balanceOf,
  browserWallet,
  fund,
  hasBrowserWallet,
  hasPlayWallet,
  playWallet,
} from "./wallet";

const PLAY_FUNDS = parseEther("100");
const FOLDER_MOST = 100;
const ENDS = new Set(["INDEXED", "FAILED", "REPLACED", "DROPPED", "EXPIRED"]);
const TITLES = { CREATE_COLLECTION: "New collection", MINT_721: "Mint", MINT_1155: "Mint of editions" };

const keeper = new SessionKeeper();
const api = new Api(() => keeper.ready());
const timeline = new Timeline(byId("timeline"));
const feed = new Feed(byId("feed"));

let chains: PlayChain[] = [];
let wallet: Wallet | null = null;
let picture: Blob | null = null;
let collections: Collection[] = [];
let showMine = false;
let listening: (() => void)[] = [];

const chain = (): PlayChain => {
  const found = chains.find((c) => c.chainId === byId<HTMLSelectElement>("chain").value);
  if (!found) throw new Error("there is no chain to work on yet; is the stack up?");
  return found;
};

// --- messages -------------------------------------------------------------------------------------

function tell(error: unknown): void {
  const known = error instanceof ApiError;
  const message = error instanceof Error ? error.message : ((error as { message?: string })?.message ?? String(error));
  const close = h("button", { type: "button", "aria-label": "Dismiss", onclick: () => fill(byId("alert")) }, "×");
  fill(
    byId("alert"),
    h(
      "div",
      { class: "alert" },
      h(
        "p",
        {},
        known && h("span", { class: "badge", "data-bad": true }, error.reason),
        known && " ",
        message,
        known && error.requestId && h("span", { class: "note mono" }, `request ${error.requestId}`),
      ),
      close,
    ),
  );
}

/** Runs what a button asks for, with the button busy; a failure is told. */
async function busy(button: HTMLButtonElement | null, work: () => Promise<unknown>): Promise<void> {
  fill(byId("alert"));
  button?.setAttribute("data-busy", "");
  if (button) button.disabled = true;
  try {
    await work();
  } catch (error) {
    tell(error);
  } finally {
    button?.removeAttribute("data-busy");
    if (button) button.disabled = false;
  }
}

const onClick = (work: () => Promise<unknown>) => (event: Event) =>
  void busy(event.currentTarget as HTMLButtonElement, work);

const submitOf = (form: HTMLFormElement): HTMLButtonElement | null => form.querySelector("button[type=submit]");

// --- 1 wallet -------------------------------------------------------------------------------------

async function drawWallet(): Promise<void> {
  const root = byId("wallet");
  byId("wallet-card").toggleAttribute("data-done", wallet !== null);
  if (!wallet) {
    const local = chains.some((c) => c.rpcUrl);
    fill(
      root,
      h(
        "div",
        { class: "row" },
        local && h("button", { type: "button", onclick: onClick(async () => useWallet(playWallet())) }, "Make a play wallet"),
        hasBrowserWallet() &&
          h("button", { type: "button", class: "quiet", onclick: onClick(async () => useWallet(await browserWallet())) }, "Use my wallet"),
      ),
      h(
        "p",
        { class: "note" },
        local
          ? "A play wallet is a key made in this browser and kept in its storage. For local chains only: never send it anything of value."
          : "Open this page in a browser with a wallet.",
      ),
    );
    return;
  }
  const known = wallet;
  const balance = h("span", { class: "hint" }, "…");
  const canFund = known.kind === "play" && chains.some((c) => c.rpcUrl);
  fill(
    root,
    h(
      "div",
      { class: "row" },
      h("span", { class: "badge" }, known.kind === "play" ? "local play wallet" : "browser wallet"),
      h("code", {}, known.address),
      balance,
    ),
    h(
      "div",
      { class: "row", style: "margin-top: .6rem" },
      canFund && h("button", { type: "button", class: "quiet", onclick: onClick(fundWallet) }, "Get 100 test coins"),
      known.kind === "play" &&
        hasBrowserWallet() &&
        h("button", { type: "button", class: "quiet", onclick: onClick(async () => useWallet(await browserWallet())) }, "Use my wallet instead"),
    ),
    known.kind === "play" &&
      h("p", { class: "note" }, "Its key lives in this browser's storage, for local chains only. Never send it anything of value."),
  );
  const { symbol, rpcUrl } = chain();
  if (!rpcUrl) return fill(balance);
  const wei = await balanceOf(known.address, chain());
  fill(balance, `${Number(formatEther(wei)).toLocaleString(undefined, { maximumFractionDigits: 4 })} ${symbol}`);
}

async function useWallet(found: Wallet): Promise<void> {
  wallet = found;
  const session = keeper.current;
  if (session && session.address.toLowerCase() !== found.address.toLowerCase()) await signOut();
  await drawWallet();
  drawSession(keeper.current);
}

async function fundWallet(): Promise<void> {
  if (wallet) await fund(wallet.address, chain(), PLAY_FUNDS);
  await drawWallet();
}

// --- 2 session ------------------------------------------------------------------------------------

function drawSession(session: Session | null): void {
  const signedIn = session !== null && wallet !== null;
  byId("session-card").toggleAttribute("data-done", signedIn);
  byId("session-card").toggleAttribute("data-off", wallet === null);
  for (const id of ["create-card", "mint-card"]) byId(id).toggleAttribute("data-off", !signedIn);
  byId("create-card").toggleAttribute("data-done", signedIn && collections.length > 0);
  byId("mint-card").toggleAttribute("data-done", signedIn && collections.some((c) => c.supply !== "0"));
  for (const id of ["create", "mint"]) {
    const button = submitOf(byId<HTMLFormElement>(id));
    if (button) button.disabled = !signedIn || (id === "mint" && collections.length === 0);
  }
  if (!session) {
    const button = h("button", { type: "button", onclick: onClick(signIn), disabled: wallet === null }, "Sign in with Ethereum");
    fill(byId("session"), button, h("p", { class: "note" }, "Your wallet signs a message (EIP-4361). It costs nothing."));
    return;
  }
  fill(
    byId("session"),
    h(
      "div",
      { class: "row" },
      h("span", { class: "badge" }, "signed in"),
      h("code", { title: session.address }, short(session.address)),
      h("button", { type: "button", class: "quiet", onclick: onClick(signOut) }, "Sign out"),
    ),
  );
}

async function signIn(): Promise<void> {
  if (!wallet) throw new Error("make or choose a wallet first");
  const asked = await api.execute<{ requestNonce: { message: string } }>(documents.REQUEST_NONCE, {
    input: { address: wallet.address, chainId: chain().chainId, domain: location.host },
  });
  const { message } = asked.requestNonce;
  const signature = await wallet.signMessage(message);
  const answer = await api.execute<{ signIn: { address: string; tokens: Ends } }>(documents.SIGN_IN, {
    input: { message, signature, transport: "COOKIE" },
  });
  const { address, tokens } = answer.signIn;
  keeper.open({ address, ...tokens });
  if (wallet.kind === "play" && chain().rpcUrl && (await balanceOf(wallet.address, chain())) === 0n) await fundWallet();
}

async function signOut(): Promise<void> {
  try {
    // Where the refresh cookie goes too: it ends the session even when the access cookie has gone first.
    await api.execute(documents.SIGN_OUT, {}, documents.SESSION_PATH);
  } finally {
    keeper.open(null);
  }
}

keeper.onChange = (session) => {
  drawSession(session);
  if (session && listening.length === 0) listen();
  if (!session) hangUp();
  void refreshCollections().catch(tell);
  void refreshTokens().catch(tell);
};

// --- live -----------------------------------------------------------------------------------------

function live(state: "on" | "off" | "lost"): void {
  byId("live").dataset.state = state;
  byId("live").textContent = { on: "live", off: "offline", lost: "connection lost" }[state];
}

function listen(): void {
  hangUp();
  feed.clear();
  watch<{ feed: FeedEvent }>(documents.FEED, {}, ({ feed: event }) => {
    feed.add(event);
    if (event.__typename !== "CollectionUpserted") soon(refreshTokens);
    if (event.__typename === "CollectionUpserted" || event.__typename === "Retracted") soon(refreshCollections);
  });
  watch<{ myEvents: FeedEvent }>(documents.MY_EVENTS, {}, ({ myEvents: event }) => feed.add(event));
  live("on");
  void showOpenIntents().catch(tell);
}

function hangUp(): void {
  for (const stop of listening) stop();
  listening = [];
  api.hangUp();
  live("off");
}

/** Listens until signed out; a stream that broke is begun again. */
function watch<T>(query: string, variables: Record<string, unknown>, next: (data: T) => void): void {
  let stopped = false;
  let stop: () => void = () => undefined;
  const begin = (): void => {
    stop = api.subscribe<T>(query, variables, next, (error) => {
      if (stopped) return;
      if (error.code === "INVALID_ARGUMENT" || error.code === "NOT_FOUND") return tell(error);
      live("lost");
      setTimeout(() => {
        if (stopped) return;
        live("on");
        begin();
      }, 1000);
    });
  };
  begin();
  listening.push(() => {
    stopped = true;
    stop();
  });
}

const waiting = new Map<() => Promise<void>, number>();

/** Runs soon, once for many events. */
function soon(work: () => Promise<void>): void {
  clearTimeout(waiting.get(work));
  waiting.set(work, window.setTimeout(() => void work().catch(tell), 150));
}

// --- intents --------------------------------------------------------------------------------------

function follow(intent: Intent): IntentView {
  const view = timeline.of(intent, TITLES[intent.kind]);
  watch<{ intentUpdates: IntentUpdate }>(documents.INTENT_UPDATES, { id: intent.id }, ({ intentUpdates: update }) => {
    view.update(update);
    if (!ENDS.has(update.state)) return;
    soon(refreshCollections);
    soon(refreshTokens);
    void drawWallet().catch(() => undefined);
  });
  return view;
}

/** What was under way when the page was closed is followed again. */
async function showOpenIntents(): Promise<void> {
  const { viewer } = await api.execute<{ viewer: { intents: { nodes: Intent[] } } | null }>(documents.MY_INTENTS);
  for (const intent of (viewer?.intents.nodes ?? []).reverse()) follow(intent);
}

/** Follows an intent, signs and sends its transaction, and reports the hash. */
async function carryOut(intent: Intent, track: string): Promise<void> {
  if (!wallet) throw new Error("make or choose a wallet first");
  const view = follow(intent);
  view.sent();
  const txHash = await wallet.send(intent.transaction, chain());
  await api.execute(track, { input: { intentId: intent.id, txHash } });
}

// --- 3 create -------------------------------------------------------------------------------------

async function choosePicture(found: Blob): Promise<void> {
  picture = found;
  const preview = byId<HTMLImageElement>("preview");
  URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(found);
}

async function createCollection(form: HTMLFormElement): Promise<void> {
  const given = new FormData(form);
  const text = (name: string): string => String(given.get(name) ?? "").trim();
  const supply = Number(text("supply"));
  const name = text("name");
  if (!picture) throw new Error("choose or draw a picture first");
  const uploaded = await api.upload<{ uploadMedia: { asset: { uri: string } } }>(documents.UPLOAD, picture, "picture.png");
  const image = uploaded.uploadMedia.asset.uri;
  const description = `${name}, made on a Mercato start page.`;
  const contractUri = await storeDocument({ name, description, image });
  const single = text("standard") === "ERC1155" || supply > FOLDER_MOST;
  const baseUri = single ? contractUri : await storeFolder(name, description, image, supply);
  const prepared = await api.execute<{ prepareCreateCollection: { intent: Intent } }>(documents.PREPARE_COLLECTION, {
    key: crypto.randomUUID(),
    input: {
      chainId: chain().chainId,
      standard: text("standard"),
      name,
      symbol: text("symbol"),
      baseUri,
      contractUri,
      royaltyBps: Math.round(Number(text("royalty")) * 100),
      mintConfig: { price: parseEther(text("price")).toString(), maxSupply: String(supply) },
    },
  });
  await carryOut(prepared.prepareCreateCollection.intent, documents.TRACK_COLLECTION);
}

async function storeDocument(document: Record<string, unknown>): Promise<string> {
  const stored = await api.execute<{ createMetadata: { document: { uri: string } } }>(documents.CREATE_METADATA, {
    input: { document },
  });
  return stored.createMetadata.document.uri;
}

async function storeFolder(name: string, description: string, image: string, supply: number): Promise<string> {
  const moods = ["calm", "bright", "wild", "quiet"];
  const documentsOfTokens = Array.from({ length: supply }, (_, i) => ({
    name: `${name} #${i + 1}`,
    description,
    image,
    attributes: [{ trait_type: "Mood", value: moods[i % moods.length] }],
  }));
  const stored = await api.execute<{ createMetadataFolder: { uri: string } }>(documents.CREATE_FOLDER, {
    input: { documents: documentsOfTokens },
  });
  return stored.createMetadataFolder.uri;
}

// --- 4 mint ---------------------------------------------------------------------------------------

async function mint(form: HTMLFormElement): Promise<void> {
  const given = new FormData(form);
  const collection = collections.find((c) => c.contract === given.get("collection"));
  if (!collection) throw new Error("create a collection first, or wait until it is indexed");
  const quantity = Number(given.get("quantity"));
  const input = { chainId: collection.chainId, contract: collection.contract };
  const key = crypto.randomUUID();
  if (collection.standard === "ERC1155") {
    const terms = { ...input, tokenId: String(given.get("tokenId")), amount: String(quantity) };
    const { prepareMint1155 } = await api.execute<{ prepareMint1155: { intent: Intent } }>(documents.PREPARE_1155, { input: terms, key });
    return carryOut(prepareMint1155.intent, documents.TRACK_MINT);
  }
  const { prepareMint721 } = await api.execute<{ prepareMint721: { intent: Intent } }>(documents.PREPARE_721, {
    input: { ...input, quantity },
    key,
  });
  return carryOut(prepareMint721.intent, documents.TRACK_MINT);
}

async function refreshCollections(): Promise<void> {
  const creator = keeper.current?.address;
  collections = creator
    ? (
        await api.execute<{ collections: { nodes: Collection[] } }>(documents.MY_COLLECTIONS, { creator, chain: chain().chainId })
      ).collections.nodes
    : [];
  const select = byId<HTMLFormElement>("mint").elements.namedItem("collection") as HTMLSelectElement;
  const chosen = select.value;
  const { symbol } = chain();
  fill(
    select,
    ...(collections.length
      ? collections.map((c) =>
          h(
            "option",
            { value: c.contract, selected: c.contract === chosen },
            `${c.name} · ${c.standard === "ERC1155" ? "editions" : "one of each"}`,
            c.mintConfig && ` · ${formatEther(BigInt(c.mintConfig.price))} ${symbol} · ${c.supply}/${c.mintConfig.maxSupply ?? "∞"}`,
          ),
        )
      : [h("option", { value: "" }, keeper.current ? "yours will appear here" : "sign in first")]),
  );
  drawMintFields();
  drawSession(keeper.current);
}

function drawMintFields(): void {
  const select = byId<HTMLFormElement>("mint").elements.namedItem("collection") as HTMLSelectElement;
  byId("token-id").hidden = collections.find((c) => c.contract === select.value)?.standard !== "ERC1155";
}

// --- tokens ---------------------------------------------------------------------------------------

async function refreshTokens(): Promise<void> {
  const owner = showMine ? keeper.current?.address : undefined;
  if (showMine && !owner) return drawTokens(byId("tokens"), [], "Sign in to see what is yours.");
  const { tokens } = await api.execute<{ tokens: { nodes: Token[] } }>(documents.TOKENS_SEEN, { chain: chain().chainId, owner });
  drawTokens(byId("tokens"), tokens.nodes, "No tokens yet on this chain.");
}

function chooseTab(mine: boolean): void {
  showMine = mine;
  byId("tab-all").setAttribute("aria-selected", String(!mine));
  byId("tab-mine").setAttribute("aria-selected", String(mine));
  void refreshTokens().catch(tell);
}

// --- start ----------------------------------------------------------------------------------------

async function loadChains(): Promise<void> {
  const [known, local] = await Promise.all([
    api.execute<{ chains: Chain[] }>(documents.CHAINS),
    // Only a development server tells where its chains' nodes are.
    fetch("/dev/config.json").then((r) => (r.ok ? (r.json() as Promise<{ chains: PlayChain[] }>) : { chains: [] })),
  ]);
  chains = known.chains.map((c) => ({
    chainId: c.chainId,
    number: c.number,
    name: c.name,
    symbol: c.currency.symbol,
    decimals: c.currency.decimals,
    rpcUrl: local.chains.find((l) => l.chainId === c.chainId)?.rpcUrl ?? null,
  }));
  const select = byId<HTMLSelectElement>("chain");
  fill(select, ...chains.map((c) => h("option", { value: c.chainId }, c.name)));
  select.disabled = chains.length < 2;
  drawUnit();
}

function drawUnit(): void {
  for (const unit of document.querySelectorAll("[data-unit]")) unit.textContent = chain().symbol;
}

function wire(): void {
  const create = byId<HTMLFormElement>("create");
  const mintForm = byId<HTMLFormElement>("mint");
  const drop = byId("drop");
  const file = byId<HTMLInputElement>("picture");
  create.addEventListener("submit", (event) => {
    event.preventDefault();
    void busy(submitOf(create), () => createCollection(create)).then(() => drawSession(keeper.current));
  });
  mintForm.addEventListener("submit", (event) => {
    event.preventDefault();
    void busy(submitOf(mintForm), () => mint(mintForm)).then(() => drawSession(keeper.current));
  });
  mintForm.addEventListener("change", drawMintFields);
  byId("draw").addEventListener("click", () => void drawPicture().then(choosePicture).catch(tell));
  file.addEventListener("change", () => file.files?.[0] && void choosePicture(file.files[0]));
  for (const kind of ["dragover", "dragleave", "drop"] as const) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.toggleAttribute("data-over", kind === "dragover");
      const dropped = kind === "drop" ? event.dataTransfer?.files[0] : undefined;
      if (dropped) void choosePicture(dropped);
    });
  }
  byId("tab-all").addEventListener("click", () => chooseTab(false));
  byId("tab-mine").addEventListener("click", () => chooseTab(true));
  byId("chain").addEventListener("change", () => {
    drawUnit();
    void Promise.all([drawWallet(), refreshCollections(), refreshTokens()]).catch(tell);
  });
}

async function start(): Promise<void> {
  wire();
  await choosePicture(await drawPicture());
  await loadChains();
  const signedIn = keeper.current?.address.toLowerCase();
  if (hasPlayWallet() && chains.some((c) => c.rpcUrl)) {
    const play = playWallet();
    if (!signedIn || signedIn === play.address.toLowerCase()) wallet = play;
  }
  await drawWallet();
  keeper.onChange(keeper.current);
}

void start().catch(tell);
