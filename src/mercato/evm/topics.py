"""The events Mercato reads, each written once as its signature; topic 0 follows from that.

A topic is 0x-hex in lower case, the form in which nodes send and take it.
"""

from __future__ import annotations

from mercato.evm.abi import Signature


def event_topic(signature: str) -> str:
    """Topic 0 of an event: Keccak-256 of its canonical signature."""
    return "0x" + Signature.parse(signature).hash.hex()


# ERC-721 and, under the same topics, ERC-20: they differ in what is indexed, so in the number of topics.
TRANSFER = event_topic("Transfer(address indexed from, address indexed to, uint256 indexed tokenId)")
APPROVAL = event_topic("Approval(address indexed owner, address indexed approved, uint256 indexed tokenId)")

# ERC-721 and ERC-1155
APPROVAL_FOR_ALL = event_topic("ApprovalForAll(address indexed owner, address indexed operator, bool approved)")

# ERC-1155
TRANSFER_SINGLE = event_topic(
    "TransferSingle(address indexed operator, address indexed from, address indexed to, uint256 id, uint256 value)"
)
TRANSFER_BATCH = event_topic(
    "TransferBatch(address indexed operator, address indexed from, address indexed to, uint256[] ids, uint256[] values)"
)
URI = event_topic("URI(string value, uint256 indexed id)")

# ERC-2309
CONSECUTIVE_TRANSFER = event_topic(
    "ConsecutiveTransfer(uint256 indexed fromTokenId, uint256 toTokenId,"
    " address indexed fromAddress, address indexed toAddress)"
)

# ERC-4906, ERC-7572
METADATA_UPDATE = event_topic("MetadataUpdate(uint256 _tokenId)")
BATCH_METADATA_UPDATE = event_topic("BatchMetadataUpdate(uint256 _fromTokenId, uint256 _toTokenId)")
CONTRACT_URI_UPDATED = event_topic("ContractURIUpdated()")

# ERC-173 and the access control of OpenZeppelin
OWNERSHIP_TRANSFERRED = event_topic("OwnershipTransferred(address indexed previousOwner, address indexed newOwner)")
ROLE_GRANTED = event_topic("RoleGranted(bytes32 indexed role, address indexed account, address indexed sender)")
ROLE_REVOKED = event_topic("RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender)")

# Mercato's own contracts (contracts/src)
COLLECTION_CREATED = event_topic(
    "CollectionCreated(address indexed collection, address indexed creator, uint8 indexed standard,"
    " bytes32 salt, string name, string symbol, string baseURI, string contractURI)"
)
MINT_CONFIG_SET = event_topic(
    "MintConfigSet(uint256 indexed id, (uint128 price, uint64 maxSupply, uint32 perWalletLimit,"
    " uint64 startsAt, uint64 endsAt, bytes32 allowlistRoot, address payee) config)"
)
DEFAULT_ROYALTY_SET = event_topic("DefaultRoyaltySet(address receiver, uint96 bps)")

# Seaport 1.6
ORDER_FULFILLED = event_topic(
    "OrderFulfilled(bytes32 orderHash, address indexed offerer, address indexed zone, address recipient,"
    " (uint8 itemType, address token, uint256 identifier, uint256 amount)[] offer,"
    " (uint8 itemType, address token, uint256 identifier, uint256 amount, address recipient)[] consideration)"
)
ORDER_CANCELLED = event_topic("OrderCancelled(bytes32 orderHash, address indexed offerer, address indexed zone)")
ORDER_VALIDATED = event_topic(
    "OrderValidated(bytes32 orderHash, (address offerer, address zone,"
    " (uint8 itemType, address token, uint256 identifierOrCriteria, uint256 startAmount, uint256 endAmount)[] offer,"
    " (uint8 itemType, address token, uint256 identifierOrCriteria, uint256 startAmount, uint256 endAmount,"
    " address recipient)[] consideration, uint8 orderType, uint256 startTime, uint256 endTime, bytes32 zoneHash,"
    " uint256 salt, bytes32 conduitKey, uint256 totalOriginalConsiderationItems) orderParameters)"
)
ORDERS_MATCHED = event_topic("OrdersMatched(bytes32[] orderHashes)")
COUNTER_INCREMENTED = event_topic("CounterIncremented(uint256 newCounter, address indexed offerer)")

FACTORY_TOPICS = (COLLECTION_CREATED,)
"""To ask of Mercato's factory."""

TRANSFER_TOPICS = (TRANSFER, TRANSFER_SINGLE, TRANSFER_BATCH, CONSECUTIVE_TRANSFER)
"""Everything that moves an NFT; the first one also every ERC-20 token."""

COLLECTION_TOPICS = (
    *TRANSFER_TOPICS,
    APPROVAL,
    APPROVAL_FOR_ALL,
    URI,
    METADATA_UPDATE,
    BATCH_METADATA_UPDATE,
    CONTRACT_URI_UPDATED,
    OWNERSHIP_TRANSFERRED,
    ROLE_GRANTED,
    ROLE_REVOKED,
    MINT_CONFIG_SET,
    DEFAULT_ROYALTY_SET,
)
"""To ask of a collection that is followed."""

SEAPORT_TOPICS = (ORDER_FULFILLED, ORDER_CANCELLED, ORDER_VALIDATED, ORDERS_MATCHED, COUNTER_INCREMENTED)
"""To ask of Seaport."""
