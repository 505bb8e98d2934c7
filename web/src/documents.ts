// The GraphQL documents of the page and the shapes of their answers.

const INTENT = `fragment IntentParts on Intent {
  id kind state chainId contract txHash tokenIds
  transaction { chainNumber to data value gasLimit maxFeePerGas maxPriorityFeePerGas }
  failure { reason message }
  timeline { state at note }
}`;

export interface Transaction {
  chainNumber: number;
  to: `0x${string}`;
  data: `0x${string}`;
  value: string;
  gasLimit: string;
  maxFeePerGas: string;
  maxPriorityFeePerGas: string;
}

export interface Step {
  state: string;
  at: string;
  note: string | null;
}

export interface Intent {
  id: string;
  kind: "CREATE_COLLECTION" | "MINT_721" | "MINT_1155";
  state: string;
  chainId: string;
  contract: string;
  txHash: string | null;
  tokenIds: string[];
  transaction: Transaction;
  failure: { reason: string; message: string } | null;
  timeline: Step[];
}

export interface IntentUpdate {
  state: string;
  position: number;
  snapshot: boolean;
  pushedAt: string | null;
  step: Step | null;
  intent: Intent;
}

export interface Chain {
  chainId: string;
  number: number;
  name: string;
  currency: { symbol: string; decimals: number };
}

export interface Collection {
  chainId: string;
  contract: string;
  name: string;
  symbol: string;
  standard: "ERC721" | "ERC1155" | null;
  supply: string;
  mintConfig: { price: string; maxSupply: string | null } | null;
}

export interface Token {
  id: string;
  chainId: string;
  contract: string;
  tokenId: string;
  standard: "ERC721" | "ERC1155" | null;
  name: string | null;
  imageUrl: string | null;
  owner: string | null;
  supply: string;
  metadataState: string;
  traits: { name: string; value: string }[];
  collection: { name: string } | null;
}

/** When a session's tokens end; the tokens themselves are in cookies. */
export interface Ends {
  accessTokenExpiresAt: string;
}

const TOKENS = "tokens { accessTokenExpiresAt }";

/** The same API under the one path that the refresh cookie is sent to. */
export const SESSION_PATH = "/graphql/session";

const TOKEN_PARTS = `fragment TokenParts on Token {
  id chainId contract tokenId standard name imageUrl owner supply metadataState traits { name value } collection { name }
}`;

const COLLECTION_PARTS = `fragment CollectionParts on Collection {
  chainId contract name symbol standard supply mintConfig { price maxSupply }
}`;

export const CHAINS = "query { chains { chainId number name currency { symbol decimals } } }";

export const REQUEST_NONCE = `mutation ($input: RequestNonceInput!) { requestNonce(input: $input) { message } }`;

export const SIGN_IN = `mutation ($input: SignInInput!) { signIn(input: $input) { newUser address ${TOKENS} } }`;

export const REFRESH = `mutation ($input: RefreshSessionInput!) { refreshSession(input: $input) { ${TOKENS} } }`;

export const SIGN_OUT = "mutation { signOut { revoked } }";

export const UPLOAD = "mutation ($file: Upload!) { uploadMedia(file: $file) { asset { uri url } } }";

export const CREATE_METADATA = `mutation ($input: CreateMetadataInput!) {
  createMetadata(input: $input) { document { uri } }
}`;

export const CREATE_FOLDER = `mutation ($input: CreateMetadataFolderInput!) { createMetadataFolder(input: $input) { uri } }`;

export const PREPARE_COLLECTION = `mutation ($input: PrepareCreateCollectionInput!, $key: String!) {
  prepareCreateCollection(input: $input, idempotencyKey: $key) { intent { ...IntentParts } }
} ${INTENT}`;

export const PREPARE_721 = `mutation ($input: PrepareMint721Input!, $key: String!) {
  prepareMint721(input: $input, idempotencyKey: $key) { intent { ...IntentParts } }
} ${INTENT}`;

export const PREPARE_1155 = `mutation ($input: PrepareMint1155Input!, $key: String!) {
  prepareMint1155(input: $input, idempotencyKey: $key) { intent { ...IntentParts } }
} ${INTENT}`;

export const TRACK_COLLECTION = `mutation ($input: TrackTxInput!) { trackCollectionTx(input: $input) { intent { id } } }`;

export const TRACK_MINT = `mutation ($input: TrackTxInput!) { trackMintTx(input: $input) { intent { id } } }`;

export const INTENT_UPDATES = `subscription ($id: ID!, $after: String) {
  intentUpdates(id: $id, after: $after) {
    cursor state position snapshot pushedAt step { state at note } intent { ...IntentParts }
  }
} ${INTENT}`;

export const MY_INTENTS = `query { viewer { intents(first: 3) { nodes { ...IntentParts } } } } ${INTENT}`;

export const MY_COLLECTIONS = `query ($creator: Address!, $chain: ChainId) {
  collections(first: 50, filter: {creator: $creator, chainId: $chain}) { nodes { ...CollectionParts } }
} ${COLLECTION_PARTS}`;

export const TOKENS_SEEN = `query ($chain: ChainId, $owner: Address) {
  tokens(first: 24, filter: {chainId: $chain, owner: $owner}) { nodes { ...TokenParts } }
} ${TOKEN_PARTS}`;

export const FEED = `subscription ($after: String) {
  feed(after: $after) {
    __typename
    ... on Event { eventId pushedAt cursor }
    ... on Gap { cursor }
    ... on CollectionUpserted { chainId contract name position { blockNumber blockTime } }
    ... on TokenUpserted { chainId contract tokenId owner amount position { blockTime } }
    ... on TokenTransferred { chainId contract tokenId from to amount position { blockTime } }
    ... on TokenEnriched { chainId contract tokenId name }
    ... on Retracted { chainId fromBlock }
  }
}`;

export const MY_EVENTS = `subscription ($after: String) {
  myEvents(after: $after) {
    __typename
    ... on Event { eventId pushedAt cursor }
    ... on Gap { cursor }
    ... on UserLoggedIn { address }
    ... on WalletLinked { address primary }
  }
}`;

export interface FeedEvent {
  __typename:
    | "CollectionUpserted"
    | "TokenUpserted"
    | "TokenTransferred"
    | "TokenEnriched"
    | "Retracted"
    | "UserLoggedIn"
    | "WalletLinked"
    | "IntentChanged"
    | "Gap";
  cursor: string;
  eventId: string;
  pushedAt: string;
  chainId?: string;
  contract?: string;
  tokenId?: string;
  name?: string | null;
  owner?: string | null;
  from?: string | null;
  to?: string | null;
  amount?: string;
  address?: string;
  fromBlock?: number;
  position?: { blockNumber?: number; blockTime: string | null } | null;
}
