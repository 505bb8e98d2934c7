import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from mercato.rpc.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CollectionKey(_message.Message):
    __slots__ = ("chain_id", "contract")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: bytes
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ...) -> None: ...

class TokenKey(_message.Message):
    __slots__ = ("chain_id", "contract", "token_id")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: bytes
    token_id: str
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., token_id: _Optional[str] = ...) -> None: ...

class Collection(_message.Message):
    __slots__ = ("id", "chain_id", "contract", "standard", "name", "symbol", "base_uri", "contract_uri", "creator", "owner", "royalty_receiver", "royalty_bps", "mint_config", "roles", "bindings", "token_count", "supply", "holder_count", "created_block", "created_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    STANDARD_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    BASE_URI_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_URI_FIELD_NUMBER: _ClassVar[int]
    CREATOR_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    ROYALTY_RECEIVER_FIELD_NUMBER: _ClassVar[int]
    ROYALTY_BPS_FIELD_NUMBER: _ClassVar[int]
    MINT_CONFIG_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_COUNT_FIELD_NUMBER: _ClassVar[int]
    SUPPLY_FIELD_NUMBER: _ClassVar[int]
    HOLDER_COUNT_FIELD_NUMBER: _ClassVar[int]
    CREATED_BLOCK_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    chain_id: str
    contract: bytes
    standard: _common_pb2.Standard
    name: str
    symbol: str
    base_uri: str
    contract_uri: str
    creator: bytes
    owner: bytes
    royalty_receiver: bytes
    royalty_bps: int
    mint_config: _common_pb2.MintConfig
    roles: _containers.RepeatedCompositeFieldContainer[Role]
    bindings: _containers.RepeatedCompositeFieldContainer[Binding]
    token_count: int
    supply: str
    holder_count: int
    created_block: int
    created_at: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., standard: _Optional[_Union[_common_pb2.Standard, str]] = ..., name: _Optional[str] = ..., symbol: _Optional[str] = ..., base_uri: _Optional[str] = ..., contract_uri: _Optional[str] = ..., creator: _Optional[bytes] = ..., owner: _Optional[bytes] = ..., royalty_receiver: _Optional[bytes] = ..., royalty_bps: _Optional[int] = ..., mint_config: _Optional[_Union[_common_pb2.MintConfig, _Mapping]] = ..., roles: _Optional[_Iterable[_Union[Role, _Mapping]]] = ..., bindings: _Optional[_Iterable[_Union[Binding, _Mapping]]] = ..., token_count: _Optional[int] = ..., supply: _Optional[str] = ..., holder_count: _Optional[int] = ..., created_block: _Optional[int] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Role(_message.Message):
    __slots__ = ("role", "name", "account")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    role: bytes
    name: str
    account: bytes
    def __init__(self, role: _Optional[bytes] = ..., name: _Optional[str] = ..., account: _Optional[bytes] = ...) -> None: ...

class Binding(_message.Message):
    __slots__ = ("kind", "source", "tx_hash", "block_number")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TX_HASH_FIELD_NUMBER: _ClassVar[int]
    BLOCK_NUMBER_FIELD_NUMBER: _ClassVar[int]
    kind: str
    source: bytes
    tx_hash: bytes
    block_number: int
    def __init__(self, kind: _Optional[str] = ..., source: _Optional[bytes] = ..., tx_hash: _Optional[bytes] = ..., block_number: _Optional[int] = ...) -> None: ...

class Token(_message.Message):
    __slots__ = ("id", "chain_id", "contract", "token_id", "collection_id", "standard", "owner", "supply", "uri", "name", "description", "image", "animation_url", "traits", "metadata_state", "minted_block", "minted_at", "flags")
    ID_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_ID_FIELD_NUMBER: _ClassVar[int]
    STANDARD_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    SUPPLY_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    ANIMATION_URL_FIELD_NUMBER: _ClassVar[int]
    TRAITS_FIELD_NUMBER: _ClassVar[int]
    METADATA_STATE_FIELD_NUMBER: _ClassVar[int]
    MINTED_BLOCK_FIELD_NUMBER: _ClassVar[int]
    MINTED_AT_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    id: str
    chain_id: str
    contract: bytes
    token_id: str
    collection_id: str
    standard: _common_pb2.Standard
    owner: bytes
    supply: str
    uri: str
    name: str
    description: str
    image: str
    animation_url: str
    traits: _containers.RepeatedCompositeFieldContainer[TokenTrait]
    metadata_state: str
    minted_block: int
    minted_at: _timestamp_pb2.Timestamp
    flags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., token_id: _Optional[str] = ..., collection_id: _Optional[str] = ..., standard: _Optional[_Union[_common_pb2.Standard, str]] = ..., owner: _Optional[bytes] = ..., supply: _Optional[str] = ..., uri: _Optional[str] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., image: _Optional[str] = ..., animation_url: _Optional[str] = ..., traits: _Optional[_Iterable[_Union[TokenTrait, _Mapping]]] = ..., metadata_state: _Optional[str] = ..., minted_block: _Optional[int] = ..., minted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., flags: _Optional[_Iterable[str]] = ...) -> None: ...

class TokenTrait(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class Balance(_message.Message):
    __slots__ = ("id", "token", "owner", "amount", "updated_block")
    ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_BLOCK_FIELD_NUMBER: _ClassVar[int]
    id: str
    token: TokenKey
    owner: bytes
    amount: str
    updated_block: int
    def __init__(self, id: _Optional[str] = ..., token: _Optional[_Union[TokenKey, _Mapping]] = ..., owner: _Optional[bytes] = ..., amount: _Optional[str] = ..., updated_block: _Optional[int] = ...) -> None: ...

class TokenMovement(_message.Message):
    __slots__ = ("id", "token", "to", "operator", "amount", "position")
    ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    id: str
    token: TokenKey
    to: bytes
    operator: bytes
    amount: str
    position: _common_pb2.Position
    def __init__(self, id: _Optional[str] = ..., token: _Optional[_Union[TokenKey, _Mapping]] = ..., to: _Optional[bytes] = ..., operator: _Optional[bytes] = ..., amount: _Optional[str] = ..., position: _Optional[_Union[_common_pb2.Position, _Mapping]] = ..., **kwargs) -> None: ...

class Activity(_message.Message):
    __slots__ = ("id", "kind", "chain_id", "contract", "token_id", "to", "amount", "position", "occurred_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: str
    chain_id: str
    contract: bytes
    token_id: str
    to: bytes
    amount: str
    position: _common_pb2.Position
    occurred_at: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[str] = ..., chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., token_id: _Optional[str] = ..., to: _Optional[bytes] = ..., amount: _Optional[str] = ..., position: _Optional[_Union[_common_pb2.Position, _Mapping]] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., **kwargs) -> None: ...

class BatchGetCollectionsRequest(_message.Message):
    __slots__ = ("keys",)
    KEYS_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedCompositeFieldContainer[CollectionKey]
    def __init__(self, keys: _Optional[_Iterable[_Union[CollectionKey, _Mapping]]] = ...) -> None: ...

class BatchGetCollectionsResponse(_message.Message):
    __slots__ = ("collections", "read_points")
    COLLECTIONS_FIELD_NUMBER: _ClassVar[int]
    READ_POINTS_FIELD_NUMBER: _ClassVar[int]
    collections: _containers.RepeatedCompositeFieldContainer[Collection]
    read_points: _containers.RepeatedCompositeFieldContainer[_common_pb2.ReadPoint]
    def __init__(self, collections: _Optional[_Iterable[_Union[Collection, _Mapping]]] = ..., read_points: _Optional[_Iterable[_Union[_common_pb2.ReadPoint, _Mapping]]] = ...) -> None: ...

class ListCollectionsRequest(_message.Message):
    __slots__ = ("chain_id", "creator", "owner", "standard", "name_contains", "page")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CREATOR_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    STANDARD_FIELD_NUMBER: _ClassVar[int]
    NAME_CONTAINS_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    creator: bytes
    owner: bytes
    standard: _common_pb2.Standard
    name_contains: str
    page: _common_pb2.PageRequest
    def __init__(self, chain_id: _Optional[str] = ..., creator: _Optional[bytes] = ..., owner: _Optional[bytes] = ..., standard: _Optional[_Union[_common_pb2.Standard, str]] = ..., name_contains: _Optional[str] = ..., page: _Optional[_Union[_common_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class ListCollectionsResponse(_message.Message):
    __slots__ = ("collections", "page", "cursors", "read_points")
    COLLECTIONS_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    READ_POINTS_FIELD_NUMBER: _ClassVar[int]
    collections: _containers.RepeatedCompositeFieldContainer[Collection]
    page: _common_pb2.PageInfo
    cursors: _containers.RepeatedScalarFieldContainer[str]
    read_points: _containers.RepeatedCompositeFieldContainer[_common_pb2.ReadPoint]
    def __init__(self, collections: _Optional[_Iterable[_Union[Collection, _Mapping]]] = ..., page: _Optional[_Union[_common_pb2.PageInfo, _Mapping]] = ..., cursors: _Optional[_Iterable[str]] = ..., read_points: _Optional[_Iterable[_Union[_common_pb2.ReadPoint, _Mapping]]] = ...) -> None: ...

class BatchGetTokensRequest(_message.Message):
    __slots__ = ("keys",)
    KEYS_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedCompositeFieldContainer[TokenKey]
    def __init__(self, keys: _Optional[_Iterable[_Union[TokenKey, _Mapping]]] = ...) -> None: ...

class BatchGetTokensResponse(_message.Message):
    __slots__ = ("tokens", "read_points")
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    READ_POINTS_FIELD_NUMBER: _ClassVar[int]
    tokens: _containers.RepeatedCompositeFieldContainer[Token]
    read_points: _containers.RepeatedCompositeFieldContainer[_common_pb2.ReadPoint]
    def __init__(self, tokens: _Optional[_Iterable[_Union[Token, _Mapping]]] = ..., read_points: _Optional[_Iterable[_Union[_common_pb2.ReadPoint, _Mapping]]] = ...) -> None: ...

class ListTokensRequest(_message.Message):
    __slots__ = ("chain_id", "contract", "owner", "traits", "page", "by_column")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    TRAITS_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    BY_COLUMN_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: bytes
    owner: bytes
    traits: _containers.RepeatedCompositeFieldContainer[TraitFilter]
    page: _common_pb2.PageRequest
    by_column: bool
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., owner: _Optional[bytes] = ..., traits: _Optional[_Iterable[_Union[TraitFilter, _Mapping]]] = ..., page: _Optional[_Union[_common_pb2.PageRequest, _Mapping]] = ..., by_column: _Optional[bool] = ...) -> None: ...

class TraitFilter(_message.Message):
    __slots__ = ("name", "values")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    name: str
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., values: _Optional[_Iterable[str]] = ...) -> None: ...

class ListTokensResponse(_message.Message):
    __slots__ = ("tokens", "page", "cursors", "read_points", "columns")
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    READ_POINTS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    tokens: _containers.RepeatedCompositeFieldContainer[Token]
    page: _common_pb2.PageInfo
    cursors: _containers.RepeatedScalarFieldContainer[str]
    read_points: _containers.RepeatedCompositeFieldContainer[_common_pb2.ReadPoint]
    columns: TokenColumns
    def __init__(self, tokens: _Optional[_Iterable[_Union[Token, _Mapping]]] = ..., page: _Optional[_Union[_common_pb2.PageInfo, _Mapping]] = ..., cursors: _Optional[_Iterable[str]] = ..., read_points: _Optional[_Iterable[_Union[_common_pb2.ReadPoint, _Mapping]]] = ..., columns: _Optional[_Union[TokenColumns, _Mapping]] = ...) -> None: ...

class TokenColumns(_message.Message):
    __slots__ = ("collections", "collection_places", "token_ids", "owners", "supplies", "uris", "names", "descriptions", "images", "animation_urls", "metadata_states", "minted_blocks", "minted_at", "trait_places", "trait_names", "trait_values", "flag_places", "flags")
    COLLECTIONS_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_PLACES_FIELD_NUMBER: _ClassVar[int]
    TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    OWNERS_FIELD_NUMBER: _ClassVar[int]
    SUPPLIES_FIELD_NUMBER: _ClassVar[int]
    URIS_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTIONS_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    ANIMATION_URLS_FIELD_NUMBER: _ClassVar[int]
    METADATA_STATES_FIELD_NUMBER: _ClassVar[int]
    MINTED_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    MINTED_AT_FIELD_NUMBER: _ClassVar[int]
    TRAIT_PLACES_FIELD_NUMBER: _ClassVar[int]
    TRAIT_NAMES_FIELD_NUMBER: _ClassVar[int]
    TRAIT_VALUES_FIELD_NUMBER: _ClassVar[int]
    FLAG_PLACES_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    collections: _containers.RepeatedCompositeFieldContainer[TokenCollection]
    collection_places: _containers.RepeatedScalarFieldContainer[int]
    token_ids: _containers.RepeatedScalarFieldContainer[str]
    owners: _containers.RepeatedScalarFieldContainer[bytes]
    supplies: _containers.RepeatedScalarFieldContainer[str]
    uris: _containers.RepeatedScalarFieldContainer[str]
    names: _containers.RepeatedScalarFieldContainer[str]
    descriptions: _containers.RepeatedScalarFieldContainer[str]
    images: _containers.RepeatedScalarFieldContainer[str]
    animation_urls: _containers.RepeatedScalarFieldContainer[str]
    metadata_states: _containers.RepeatedScalarFieldContainer[str]
    minted_blocks: _containers.RepeatedScalarFieldContainer[int]
    minted_at: _containers.RepeatedScalarFieldContainer[int]
    trait_places: _containers.RepeatedScalarFieldContainer[int]
    trait_names: _containers.RepeatedScalarFieldContainer[str]
    trait_values: _containers.RepeatedScalarFieldContainer[str]
    flag_places: _containers.RepeatedScalarFieldContainer[int]
    flags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, collections: _Optional[_Iterable[_Union[TokenCollection, _Mapping]]] = ..., collection_places: _Optional[_Iterable[int]] = ..., token_ids: _Optional[_Iterable[str]] = ..., owners: _Optional[_Iterable[bytes]] = ..., supplies: _Optional[_Iterable[str]] = ..., uris: _Optional[_Iterable[str]] = ..., names: _Optional[_Iterable[str]] = ..., descriptions: _Optional[_Iterable[str]] = ..., images: _Optional[_Iterable[str]] = ..., animation_urls: _Optional[_Iterable[str]] = ..., metadata_states: _Optional[_Iterable[str]] = ..., minted_blocks: _Optional[_Iterable[int]] = ..., minted_at: _Optional[_Iterable[int]] = ..., trait_places: _Optional[_Iterable[int]] = ..., trait_names: _Optional[_Iterable[str]] = ..., trait_values: _Optional[_Iterable[str]] = ..., flag_places: _Optional[_Iterable[int]] = ..., flags: _Optional[_Iterable[str]] = ...) -> None: ...

class TokenCollection(_message.Message):
    __slots__ = ("chain_id", "contract", "standard")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    STANDARD_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: bytes
    standard: _common_pb2.Standard
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., standard: _Optional[_Union[_common_pb2.Standard, str]] = ...) -> None: ...

class ListBalancesRequest(_message.Message):
    __slots__ = ("chain_id", "contract", "token_id", "owners", "page")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    OWNERS_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: bytes
    token_id: str
    owners: _containers.RepeatedScalarFieldContainer[bytes]
    page: _common_pb2.PageRequest
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., token_id: _Optional[str] = ..., owners: _Optional[_Iterable[bytes]] = ..., page: _Optional[_Union[_common_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class ListBalancesResponse(_message.Message):
    __slots__ = ("balances", "page", "cursors", "read_points")
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    READ_POINTS_FIELD_NUMBER: _ClassVar[int]
    balances: _containers.RepeatedCompositeFieldContainer[Balance]
    page: _common_pb2.PageInfo
    cursors: _containers.RepeatedScalarFieldContainer[str]
    read_points: _containers.RepeatedCompositeFieldContainer[_common_pb2.ReadPoint]
    def __init__(self, balances: _Optional[_Iterable[_Union[Balance, _Mapping]]] = ..., page: _Optional[_Union[_common_pb2.PageInfo, _Mapping]] = ..., cursors: _Optional[_Iterable[str]] = ..., read_points: _Optional[_Iterable[_Union[_common_pb2.ReadPoint, _Mapping]]] = ...) -> None: ...

class ListTransfersRequest(_message.Message):
    __slots__ = ("chain_id", "contract", "token_id", "account", "page")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: bytes
    token_id: str
    account: bytes
    page: _common_pb2.PageRequest
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., token_id: _Optional[str] = ..., account: _Optional[bytes] = ..., page: _Optional[_Union[_common_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class ListTransfersResponse(_message.Message):
    __slots__ = ("transfers", "page", "cursors", "read_points")
    TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    READ_POINTS_FIELD_NUMBER: _ClassVar[int]
    transfers: _containers.RepeatedCompositeFieldContainer[TokenMovement]
    page: _common_pb2.PageInfo
    cursors: _containers.RepeatedScalarFieldContainer[str]
    read_points: _containers.RepeatedCompositeFieldContainer[_common_pb2.ReadPoint]
    def __init__(self, transfers: _Optional[_Iterable[_Union[TokenMovement, _Mapping]]] = ..., page: _Optional[_Union[_common_pb2.PageInfo, _Mapping]] = ..., cursors: _Optional[_Iterable[str]] = ..., read_points: _Optional[_Iterable[_Union[_common_pb2.ReadPoint, _Mapping]]] = ...) -> None: ...

class ListActivitiesRequest(_message.Message):
    __slots__ = ("chain_id", "contract", "token_id", "account", "kinds", "page")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: bytes
    token_id: str
    account: bytes
    kinds: _containers.RepeatedScalarFieldContainer[str]
    page: _common_pb2.PageRequest
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., token_id: _Optional[str] = ..., account: _Optional[bytes] = ..., kinds: _Optional[_Iterable[str]] = ..., page: _Optional[_Union[_common_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class ListActivitiesResponse(_message.Message):
    __slots__ = ("activities", "page", "cursors", "read_points")
    ACTIVITIES_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    READ_POINTS_FIELD_NUMBER: _ClassVar[int]
    activities: _containers.RepeatedCompositeFieldContainer[Activity]
    page: _common_pb2.PageInfo
    cursors: _containers.RepeatedScalarFieldContainer[str]
    read_points: _containers.RepeatedCompositeFieldContainer[_common_pb2.ReadPoint]
    def __init__(self, activities: _Optional[_Iterable[_Union[Activity, _Mapping]]] = ..., page: _Optional[_Union[_common_pb2.PageInfo, _Mapping]] = ..., cursors: _Optional[_Iterable[str]] = ..., read_points: _Optional[_Iterable[_Union[_common_pb2.ReadPoint, _Mapping]]] = ...) -> None: ...

class GetReadPointsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetReadPointsResponse(_message.Message):
    __slots__ = ("points",)
    POINTS_FIELD_NUMBER: _ClassVar[int]
    points: _containers.RepeatedCompositeFieldContainer[_common_pb2.ReadPoint]
    def __init__(self, points: _Optional[_Iterable[_Union[_common_pb2.ReadPoint, _Mapping]]] = ...) -> None: ...

class FlagTokenRequest(_message.Message):
    __slots__ = ("token", "flag", "reason", "flagged_by")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    FLAG_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FLAGGED_BY_FIELD_NUMBER: _ClassVar[int]
    token: TokenKey
    flag: str
    reason: str
    flagged_by: str
    def __init__(self, token: _Optional[_Union[TokenKey, _Mapping]] = ..., flag: _Optional[str] = ..., reason: _Optional[str] = ..., flagged_by: _Optional[str] = ...) -> None: ...

class UnflagTokenRequest(_message.Message):
    __slots__ = ("token", "flag", "reason", "unflagged_by")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    FLAG_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    UNFLAGGED_BY_FIELD_NUMBER: _ClassVar[int]
    token: TokenKey
    flag: str
    reason: str
    unflagged_by: str
    def __init__(self, token: _Optional[_Union[TokenKey, _Mapping]] = ..., flag: _Optional[str] = ..., reason: _Optional[str] = ..., unflagged_by: _Optional[str] = ...) -> None: ...

class ListModerationRequest(_message.Message):
    __slots__ = ("token", "page")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    token: TokenKey
    page: _common_pb2.PageRequest
    def __init__(self, token: _Optional[_Union[TokenKey, _Mapping]] = ..., page: _Optional[_Union[_common_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class Moderation(_message.Message):
    __slots__ = ("id", "flag", "raised", "reason", "done_by", "at")
    ID_FIELD_NUMBER: _ClassVar[int]
    FLAG_FIELD_NUMBER: _ClassVar[int]
    RAISED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DONE_BY_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    flag: str
    raised: bool
    reason: str
    done_by: str
    at: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., flag: _Optional[str] = ..., raised: _Optional[bool] = ..., reason: _Optional[str] = ..., done_by: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListModerationResponse(_message.Message):
    __slots__ = ("entries", "page", "cursors")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[Moderation]
    page: _common_pb2.PageInfo
    cursors: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, entries: _Optional[_Iterable[_Union[Moderation, _Mapping]]] = ..., page: _Optional[_Union[_common_pb2.PageInfo, _Mapping]] = ..., cursors: _Optional[_Iterable[str]] = ...) -> None: ...
