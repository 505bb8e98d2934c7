"""The GraphQL documents of the story."""

from __future__ import annotations

INTENT_FIELDS = """
fragment IntentFields on Intent {
  id kind state version contract txHash blockNumber tokenIds
  transaction { chainNumber to data value gasLimit maxFeePerGas maxPriorityFeePerGas }
  failure { reason message }
  timeline { state at note }
}
"""

REQUEST_NONCE = """
mutation ($address: Address!, $chain: ChainId!) {
  requestNonce(input: {address: $address, chainId: $chain}) { message nonce expiresAt }
}
"""

SIGN_IN = """
mutation ($message: String!, $signature: Bytes!) {
  signIn(input: {message: $message, signature: $signature}) {
    tokens { accessToken refreshToken }
    user { id }
    newUser
  }
}
"""

REQUEST_WALLET_LINK = """
mutation ($address: Address!, $chain: ChainId!) {
  requestWalletLink(input: {address: $address, chainId: $chain}) { message nonce expiresAt }
}
"""

LINK_WALLET = """
mutation ($message: String!, $signature: Bytes!) {
  linkWallet(input: {message: $message, signature: $signature}) {
    created
    wallet { id address chainId primary }
  }
}
"""

UNLINK_WALLET = """
mutation ($id: ID!) { unlinkWallet(id: $id) { revokedSessions wallets { id address primary } } }
"""

SET_PRIMARY_WALLET = "mutation ($id: ID!) { setPrimaryWallet(id: $id) { wallet { id address primary } } }"

UPDATE_PROFILE = """
mutation ($input: UpdateProfileInput!) {
  updateProfile(input: $input) {
    user { id profile { handle displayName bio avatarUri avatarUrl links { label url } } }
  }
}
"""

USER = """
query ($handle: String, $address: Address) {
  user(handle: $handle, address: $address) {
    id address primaryAddress profile { handle displayName bio avatarUrl links { label url } }
  }
}
"""

ACCOUNT = """
query {
  viewer {
    user { id address primaryAddress }
    wallets { id address chainId primary linkedAt lastSeenAt }
    sessions { address current }
    approvals(first: 100) { nodes { contract owner operator tokenId position { blockNumber } } }
    approvalHistory(first: 100) { nodes { contract owner operator tokenId approved endedBy { blockNumber } } }
  }
}
"""

MY_EVENTS = """
subscription {
  myEvents {
    __typename
    ... on Event { eventId pushedAt }
    ... on UserLoggedIn { address sessionId }
    ... on WalletLinked { address chainId primary }
  }
}
"""

UPLOAD = "mutation ($file: Upload!) { uploadMedia(file: $file) { asset { cid uri url contentType width height } } }"

CREATE_METADATA = """
mutation ($document: JSON!) { createMetadata(input: {document: $document}) { document { uri url } } }
"""

PREPARE_COLLECTION = (
    """
mutation ($input: PrepareCreateCollectionInput!, $key: String!) {
  prepareCreateCollection(input: $input, idempotencyKey: $key) { created intent { ...IntentFields } }
}
"""
    + INTENT_FIELDS
)

PREPARE_MINT_721 = (
    """
mutation ($input: PrepareMint721Input!, $key: String!) {
  prepareMint721(input: $input, idempotencyKey: $key) { created intent { ...IntentFields } }
}
"""
    + INTENT_FIELDS
)

PREPARE_MINT_1155 = (
    """
mutation ($input: PrepareMint1155Input!, $key: String!) {
  prepareMint1155(input: $input, idempotencyKey: $key) { created intent { ...IntentFields } }
}
"""
    + INTENT_FIELDS
)

TRACK_COLLECTION = """
mutation ($id: ID!, $hash: Hash!) { trackCollectionTx(input: {intentId: $id, txHash: $hash}) { intent { id state } } }
"""

TRACK_MINT = """
mutation ($id: ID!, $hash: Hash!) { trackMintTx(input: {intentId: $id, txHash: $hash}) { intent { id state } } }
"""

INTENT = "query ($id: ID!) { intent(id: $id) { ...IntentFields } }" + INTENT_FIELDS

INTENT_UPDATES = """
subscription ($id: ID!) {
  intentUpdates(id: $id) {
    state snapshot position pushedAt
    step { state at note }
    intent { tokenIds txHash blockNumber failure { reason message } }
  }
}
"""

COLLECTION = """
query ($chain: ChainId!, $contract: Address!) {
  collection(chainId: $chain, contract: $contract) {
    id name symbol standard creator owner supply tokenCount holderCount
    royalty { receiver bps }
    mintConfig { price maxSupply perWalletLimit payee }
    roles { name account }
    bindings { kind blockNumber }
    tokens(first: 50) {
      nodes { tokenId owner supply name image imageUrl metadataState traits { name value } }
      pageInfo { hasNextPage }
    }
  }
}
"""

TOKEN = """
query ($chain: ChainId!, $contract: Address!, $token: Uint256!) {
  token(chainId: $chain, contract: $contract, tokenId: $token) {
    tokenId owner supply uri name description imageUrl metadataState traits { name value }
  }
}
"""

HOLDINGS = """
query ($chain: ChainId, $contract: Address) {
  viewer {
    user { id }
    wallets { address chainId primary }
    holdings(first: 100, chainId: $chain, contract: $contract) {
      nodes { tokenId amount token { name imageUrl } }
    }
  }
}
"""

ACTIVITIES = """
query ($filter: ActivityFilter) {
  activities(first: 50, filter: $filter) { nodes { kind tokenId from to amount occurredAt position { blockNumber } } }
}
"""
