import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from mercato.rpc.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UserLoggedIn(_message.Message):
    __slots__ = ("user_id", "session_id", "address", "chain_id", "occurred_at")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    session_id: str
    address: bytes
    chain_id: str
    occurred_at: _timestamp_pb2.Timestamp
    def __init__(self, user_id: _Optional[str] = ..., session_id: _Optional[str] = ..., address: _Optional[bytes] = ..., chain_id: _Optional[str] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class WalletLinked(_message.Message):
    __slots__ = ("user_id", "wallet_id", "address", "chain_id", "primary", "occurred_at")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    PRIMARY_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    wallet_id: str
    address: bytes
    chain_id: str
    primary: bool
    occurred_at: _timestamp_pb2.Timestamp
    def __init__(self, user_id: _Optional[str] = ..., wallet_id: _Optional[str] = ..., address: _Optional[bytes] = ..., chain_id: _Optional[str] = ..., primary: _Optional[bool] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class WalletUnlinked(_message.Message):
    __slots__ = ("user_id", "wallet_id", "address", "chain_id", "occurred_at")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    wallet_id: str
    address: bytes
    chain_id: str
    occurred_at: _timestamp_pb2.Timestamp
    def __init__(self, user_id: _Optional[str] = ..., wallet_id: _Optional[str] = ..., address: _Optional[bytes] = ..., chain_id: _Optional[str] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class FactBlocks(_message.Message):
    __slots__ = ("chain_id", "blocks", "catching_up", "generation")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    CATCHING_UP_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    blocks: _containers.RepeatedCompositeFieldContainer[_common_pb2.Block]
    catching_up: bool
    generation: int
    def __init__(self, chain_id: _Optional[str] = ..., blocks: _Optional[_Iterable[_Union[_common_pb2.Block, _Mapping]]] = ..., catching_up: _Optional[bool] = ..., generation: _Optional[int] = ...) -> None: ...

class Transfer(_message.Message):
    __slots__ = ("block", "tx_hash", "log_index", "batch_index", "contract", "standard", "operator", "to", "token_id", "amount")
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    TX_HASH_FIELD_NUMBER: _ClassVar[int]
    LOG_INDEX_FIELD_NUMBER: _ClassVar[int]
    BATCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    STANDARD_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    block: int
    tx_hash: bytes
    log_index: int
    batch_index: int
    contract: bytes
    standard: _common_pb2.Standard
    operator: bytes
    to: bytes
    token_id: str
    amount: str
    def __init__(self, block: _Optional[int] = ..., tx_hash: _Optional[bytes] = ..., log_index: _Optional[int] = ..., batch_index: _Optional[int] = ..., contract: _Optional[bytes] = ..., standard: _Optional[_Union[_common_pb2.Standard, str]] = ..., operator: _Optional[bytes] = ..., to: _Optional[bytes] = ..., token_id: _Optional[str] = ..., amount: _Optional[str] = ..., **kwargs) -> None: ...

class TokensMinted(_message.Message):
    __slots__ = ("at", "transfers")
    AT_FIELD_NUMBER: _ClassVar[int]
    TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    at: FactBlocks
    transfers: _containers.RepeatedCompositeFieldContainer[Transfer]
    def __init__(self, at: _Optional[_Union[FactBlocks, _Mapping]] = ..., transfers: _Optional[_Iterable[_Union[Transfer, _Mapping]]] = ...) -> None: ...

class TokensTransferred(_message.Message):
    __slots__ = ("at", "transfers")
    AT_FIELD_NUMBER: _ClassVar[int]
    TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    at: FactBlocks
    transfers: _containers.RepeatedCompositeFieldContainer[Transfer]
    def __init__(self, at: _Optional[_Union[FactBlocks, _Mapping]] = ..., transfers: _Optional[_Iterable[_Union[Transfer, _Mapping]]] = ...) -> None: ...

class CollectionsCreated(_message.Message):
    __slots__ = ("at", "collections")
    AT_FIELD_NUMBER: _ClassVar[int]
    COLLECTIONS_FIELD_NUMBER: _ClassVar[int]
    at: FactBlocks
    collections: _containers.RepeatedCompositeFieldContainer[CollectionCreated]
    def __init__(self, at: _Optional[_Union[FactBlocks, _Mapping]] = ..., collections: _Optional[_Iterable[_Union[CollectionCreated, _Mapping]]] = ...) -> None: ...

class CollectionCreated(_message.Message):
    __slots__ = ("block", "tx_hash", "log_index", "factory", "contract", "creator", "standard", "salt", "name", "symbol", "base_uri", "contract_uri")
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    TX_HASH_FIELD_NUMBER: _ClassVar[int]
    LOG_INDEX_FIELD_NUMBER: _ClassVar[int]
    FACTORY_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    CREATOR_FIELD_NUMBER: _ClassVar[int]
    STANDARD_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    BASE_URI_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_URI_FIELD_NUMBER: _ClassVar[int]
    block: int
    tx_hash: bytes
    log_index: int
    factory: bytes
    contract: bytes
    creator: bytes
    standard: _common_pb2.Standard
    salt: bytes
    name: str
    symbol: str
    base_uri: str
    contract_uri: str
    def __init__(self, block: _Optional[int] = ..., tx_hash: _Optional[bytes] = ..., log_index: _Optional[int] = ..., factory: _Optional[bytes] = ..., contract: _Optional[bytes] = ..., creator: _Optional[bytes] = ..., standard: _Optional[_Union[_common_pb2.Standard, str]] = ..., salt: _Optional[bytes] = ..., name: _Optional[str] = ..., symbol: _Optional[str] = ..., base_uri: _Optional[str] = ..., contract_uri: _Optional[str] = ...) -> None: ...

class CollectionsImported(_message.Message):
    __slots__ = ("at", "collections")
    AT_FIELD_NUMBER: _ClassVar[int]
    COLLECTIONS_FIELD_NUMBER: _ClassVar[int]
    at: FactBlocks
    collections: _containers.RepeatedCompositeFieldContainer[CollectionImported]
    def __init__(self, at: _Optional[_Union[FactBlocks, _Mapping]] = ..., collections: _Optional[_Iterable[_Union[CollectionImported, _Mapping]]] = ...) -> None: ...

class CollectionImported(_message.Message):
    __slots__ = ("block", "contract", "standard", "name", "symbol", "requested_by")
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    STANDARD_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    block: int
    contract: bytes
    standard: _common_pb2.Standard
    name: str
    symbol: str
    requested_by: bytes
    def __init__(self, block: _Optional[int] = ..., contract: _Optional[bytes] = ..., standard: _Optional[_Union[_common_pb2.Standard, str]] = ..., name: _Optional[str] = ..., symbol: _Optional[str] = ..., requested_by: _Optional[bytes] = ...) -> None: ...

class CollectionsConfigured(_message.Message):
    __slots__ = ("at", "changes")
    AT_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    at: FactBlocks
    changes: _containers.RepeatedCompositeFieldContainer[CollectionConfigured]
    def __init__(self, at: _Optional[_Union[FactBlocks, _Mapping]] = ..., changes: _Optional[_Iterable[_Union[CollectionConfigured, _Mapping]]] = ...) -> None: ...

class CollectionConfigured(_message.Message):
    __slots__ = ("block", "tx_hash", "log_index", "contract", "mint_config", "role", "owner", "royalty")
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    TX_HASH_FIELD_NUMBER: _ClassVar[int]
    LOG_INDEX_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    MINT_CONFIG_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    ROYALTY_FIELD_NUMBER: _ClassVar[int]
    block: int
    tx_hash: bytes
    log_index: int
    contract: bytes
    mint_config: MintConfigSet
    role: RoleChanged
    owner: OwnerChanged
    royalty: RoyaltySet
    def __init__(self, block: _Optional[int] = ..., tx_hash: _Optional[bytes] = ..., log_index: _Optional[int] = ..., contract: _Optional[bytes] = ..., mint_config: _Optional[_Union[MintConfigSet, _Mapping]] = ..., role: _Optional[_Union[RoleChanged, _Mapping]] = ..., owner: _Optional[_Union[OwnerChanged, _Mapping]] = ..., royalty: _Optional[_Union[RoyaltySet, _Mapping]] = ...) -> None: ...

class MintConfigSet(_message.Message):
    __slots__ = ("token_id", "config")
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    token_id: str
    config: _common_pb2.MintConfig
    def __init__(self, token_id: _Optional[str] = ..., config: _Optional[_Union[_common_pb2.MintConfig, _Mapping]] = ...) -> None: ...

class RoleChanged(_message.Message):
    __slots__ = ("role", "account", "granted")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    role: bytes
    account: bytes
    granted: bool
    def __init__(self, role: _Optional[bytes] = ..., account: _Optional[bytes] = ..., granted: _Optional[bool] = ...) -> None: ...

class OwnerChanged(_message.Message):
    __slots__ = ("owner",)
    OWNER_FIELD_NUMBER: _ClassVar[int]
    owner: bytes
    def __init__(self, owner: _Optional[bytes] = ...) -> None: ...

class RoyaltySet(_message.Message):
    __slots__ = ("receiver", "bps")
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    BPS_FIELD_NUMBER: _ClassVar[int]
    receiver: bytes
    bps: int
    def __init__(self, receiver: _Optional[bytes] = ..., bps: _Optional[int] = ...) -> None: ...

class ApprovalsChanged(_message.Message):
    __slots__ = ("at", "approvals")
    AT_FIELD_NUMBER: _ClassVar[int]
    APPROVALS_FIELD_NUMBER: _ClassVar[int]
    at: FactBlocks
    approvals: _containers.RepeatedCompositeFieldContainer[ApprovalChanged]
    def __init__(self, at: _Optional[_Union[FactBlocks, _Mapping]] = ..., approvals: _Optional[_Iterable[_Union[ApprovalChanged, _Mapping]]] = ...) -> None: ...

class ApprovalChanged(_message.Message):
    __slots__ = ("block", "tx_hash", "log_index", "contract", "owner", "operator", "approved", "token_id")
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    TX_HASH_FIELD_NUMBER: _ClassVar[int]
    LOG_INDEX_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    APPROVED_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    block: int
    tx_hash: bytes
    log_index: int
    contract: bytes
    owner: bytes
    operator: bytes
    approved: bool
    token_id: str
    def __init__(self, block: _Optional[int] = ..., tx_hash: _Optional[bytes] = ..., log_index: _Optional[int] = ..., contract: _Optional[bytes] = ..., owner: _Optional[bytes] = ..., operator: _Optional[bytes] = ..., approved: _Optional[bool] = ..., token_id: _Optional[str] = ...) -> None: ...

class MetadataRefreshed(_message.Message):
    __slots__ = ("at", "refreshes")
    AT_FIELD_NUMBER: _ClassVar[int]
    REFRESHES_FIELD_NUMBER: _ClassVar[int]
    at: FactBlocks
    refreshes: _containers.RepeatedCompositeFieldContainer[MetadataRefresh]
    def __init__(self, at: _Optional[_Union[FactBlocks, _Mapping]] = ..., refreshes: _Optional[_Iterable[_Union[MetadataRefresh, _Mapping]]] = ...) -> None: ...

class MetadataRefresh(_message.Message):
    __slots__ = ("block", "tx_hash", "log_index", "contract", "from_token_id", "to_token_id", "uri")
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    TX_HASH_FIELD_NUMBER: _ClassVar[int]
    LOG_INDEX_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    FROM_TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    TO_TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    block: int
    tx_hash: bytes
    log_index: int
    contract: bytes
    from_token_id: str
    to_token_id: str
    uri: str
    def __init__(self, block: _Optional[int] = ..., tx_hash: _Optional[bytes] = ..., log_index: _Optional[int] = ..., contract: _Optional[bytes] = ..., from_token_id: _Optional[str] = ..., to_token_id: _Optional[str] = ..., uri: _Optional[str] = ...) -> None: ...

class ChainReorged(_message.Message):
    __slots__ = ("chain_id", "orphaned", "common_ancestor", "generation")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ORPHANED_FIELD_NUMBER: _ClassVar[int]
    COMMON_ANCESTOR_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    orphaned: _containers.RepeatedCompositeFieldContainer[_common_pb2.Block]
    common_ancestor: _common_pb2.Block
    generation: int
    def __init__(self, chain_id: _Optional[str] = ..., orphaned: _Optional[_Iterable[_Union[_common_pb2.Block, _Mapping]]] = ..., common_ancestor: _Optional[_Union[_common_pb2.Block, _Mapping]] = ..., generation: _Optional[int] = ...) -> None: ...

class ChainAdvanced(_message.Message):
    __slots__ = ("chain_id", "indexed", "head", "finalized", "generation", "from_block", "after", "safe", "approvals_after")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    INDEXED_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    FINALIZED_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    FROM_BLOCK_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    SAFE_FIELD_NUMBER: _ClassVar[int]
    APPROVALS_AFTER_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    indexed: _common_pb2.Block
    head: int
    finalized: int
    generation: int
    from_block: int
    after: _containers.RepeatedScalarFieldContainer[str]
    safe: int
    approvals_after: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, chain_id: _Optional[str] = ..., indexed: _Optional[_Union[_common_pb2.Block, _Mapping]] = ..., head: _Optional[int] = ..., finalized: _Optional[int] = ..., generation: _Optional[int] = ..., from_block: _Optional[int] = ..., after: _Optional[_Iterable[str]] = ..., safe: _Optional[int] = ..., approvals_after: _Optional[_Iterable[str]] = ...) -> None: ...

class CollectionUpserted(_message.Message):
    __slots__ = ("chain_id", "contract", "collection_id", "creator", "name", "standard", "position")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_ID_FIELD_NUMBER: _ClassVar[int]
    CREATOR_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STANDARD_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: bytes
    collection_id: str
    creator: bytes
    name: str
    standard: _common_pb2.Standard
    position: _common_pb2.Position
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., collection_id: _Optional[str] = ..., creator: _Optional[bytes] = ..., name: _Optional[str] = ..., standard: _Optional[_Union[_common_pb2.Standard, str]] = ..., position: _Optional[_Union[_common_pb2.Position, _Mapping]] = ...) -> None: ...

class TokenUpserted(_message.Message):
    __slots__ = ("chain_id", "contract", "token_id", "collection_id", "standard", "owner", "amount", "position")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_ID_FIELD_NUMBER: _ClassVar[int]
    STANDARD_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: bytes
    token_id: str
    collection_id: str
    standard: _common_pb2.Standard
    owner: bytes
    amount: str
    position: _common_pb2.Position
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., token_id: _Optional[str] = ..., collection_id: _Optional[str] = ..., standard: _Optional[_Union[_common_pb2.Standard, str]] = ..., owner: _Optional[bytes] = ..., amount: _Optional[str] = ..., position: _Optional[_Union[_common_pb2.Position, _Mapping]] = ...) -> None: ...

class TokenTransferred(_message.Message):
    __slots__ = ("chain_id", "contract", "token_id", "to", "amount", "position")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: bytes
    token_id: str
    to: bytes
    amount: str
    position: _common_pb2.Position
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., token_id: _Optional[str] = ..., to: _Optional[bytes] = ..., amount: _Optional[str] = ..., position: _Optional[_Union[_common_pb2.Position, _Mapping]] = ..., **kwargs) -> None: ...

class TokenEnriched(_message.Message):
    __slots__ = ("chain_id", "contract", "token_id", "collection_id", "name")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: bytes
    token_id: str
    collection_id: str
    name: str
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., token_id: _Optional[str] = ..., collection_id: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class TokenEvents(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[TokenEvent]
    def __init__(self, events: _Optional[_Iterable[_Union[TokenEvent, _Mapping]]] = ...) -> None: ...

class TokenEvent(_message.Message):
    __slots__ = ("id", "token_upserted", "token_transferred", "token_enriched")
    ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_UPSERTED_FIELD_NUMBER: _ClassVar[int]
    TOKEN_TRANSFERRED_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ENRICHED_FIELD_NUMBER: _ClassVar[int]
    id: str
    token_upserted: TokenUpserted
    token_transferred: TokenTransferred
    token_enriched: TokenEnriched
    def __init__(self, id: _Optional[str] = ..., token_upserted: _Optional[_Union[TokenUpserted, _Mapping]] = ..., token_transferred: _Optional[_Union[TokenTransferred, _Mapping]] = ..., token_enriched: _Optional[_Union[TokenEnriched, _Mapping]] = ...) -> None: ...

class MetadataRequested(_message.Message):
    __slots__ = ("chain_id", "contract", "standard", "token_ids", "refresh")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    STANDARD_FIELD_NUMBER: _ClassVar[int]
    TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    REFRESH_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: bytes
    standard: _common_pb2.Standard
    token_ids: _containers.RepeatedScalarFieldContainer[str]
    refresh: bool
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., standard: _Optional[_Union[_common_pb2.Standard, str]] = ..., token_ids: _Optional[_Iterable[str]] = ..., refresh: _Optional[bool] = ...) -> None: ...

class MetadataResolved(_message.Message):
    __slots__ = ("chain_id", "contract", "tokens")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: bytes
    tokens: _containers.RepeatedCompositeFieldContainer[TokenMetadata]
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., tokens: _Optional[_Iterable[_Union[TokenMetadata, _Mapping]]] = ...) -> None: ...

class TokenMetadata(_message.Message):
    __slots__ = ("token_id", "uri", "name", "description", "image", "animation_url", "external_url", "traits", "doc_id", "failure", "resolved_at")
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    ANIMATION_URL_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_URL_FIELD_NUMBER: _ClassVar[int]
    TRAITS_FIELD_NUMBER: _ClassVar[int]
    DOC_ID_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_AT_FIELD_NUMBER: _ClassVar[int]
    token_id: str
    uri: str
    name: str
    description: str
    image: str
    animation_url: str
    external_url: str
    traits: _containers.RepeatedCompositeFieldContainer[Trait]
    doc_id: str
    failure: str
    resolved_at: _timestamp_pb2.Timestamp
    def __init__(self, token_id: _Optional[str] = ..., uri: _Optional[str] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., image: _Optional[str] = ..., animation_url: _Optional[str] = ..., external_url: _Optional[str] = ..., traits: _Optional[_Iterable[_Union[Trait, _Mapping]]] = ..., doc_id: _Optional[str] = ..., failure: _Optional[str] = ..., resolved_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Trait(_message.Message):
    __slots__ = ("name", "value", "kind")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    kind: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ..., kind: _Optional[str] = ...) -> None: ...
