import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Standard(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STANDARD_UNSPECIFIED: _ClassVar[Standard]
    STANDARD_ERC721: _ClassVar[Standard]
    STANDARD_ERC1155: _ClassVar[Standard]

class Finality(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FINALITY_UNSPECIFIED: _ClassVar[Finality]
    FINALITY_LATEST: _ClassVar[Finality]
    FINALITY_SAFE: _ClassVar[Finality]
    FINALITY_FINALIZED: _ClassVar[Finality]
STANDARD_UNSPECIFIED: Standard
STANDARD_ERC721: Standard
STANDARD_ERC1155: Standard
FINALITY_UNSPECIFIED: Finality
FINALITY_LATEST: Finality
FINALITY_SAFE: Finality
FINALITY_FINALIZED: Finality

class Block(_message.Message):
    __slots__ = ("number", "hash", "timestamp")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    number: int
    hash: bytes
    timestamp: int
    def __init__(self, number: _Optional[int] = ..., hash: _Optional[bytes] = ..., timestamp: _Optional[int] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("block", "tx_hash", "log_index", "batch_index")
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    TX_HASH_FIELD_NUMBER: _ClassVar[int]
    LOG_INDEX_FIELD_NUMBER: _ClassVar[int]
    BATCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    block: Block
    tx_hash: bytes
    log_index: int
    batch_index: int
    def __init__(self, block: _Optional[_Union[Block, _Mapping]] = ..., tx_hash: _Optional[bytes] = ..., log_index: _Optional[int] = ..., batch_index: _Optional[int] = ...) -> None: ...

class PageRequest(_message.Message):
    __slots__ = ("first", "after")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    first: int
    after: str
    def __init__(self, first: _Optional[int] = ..., after: _Optional[str] = ...) -> None: ...

class PageInfo(_message.Message):
    __slots__ = ("has_next_page", "end_cursor")
    HAS_NEXT_PAGE_FIELD_NUMBER: _ClassVar[int]
    END_CURSOR_FIELD_NUMBER: _ClassVar[int]
    has_next_page: bool
    end_cursor: str
    def __init__(self, has_next_page: _Optional[bool] = ..., end_cursor: _Optional[str] = ...) -> None: ...

class ReadPoint(_message.Message):
    __slots__ = ("chain_id", "block_number", "block_hash", "observed_at", "finality", "safe", "finalized", "block_time")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    BLOCK_NUMBER_FIELD_NUMBER: _ClassVar[int]
    BLOCK_HASH_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_AT_FIELD_NUMBER: _ClassVar[int]
    FINALITY_FIELD_NUMBER: _ClassVar[int]
    SAFE_FIELD_NUMBER: _ClassVar[int]
    FINALIZED_FIELD_NUMBER: _ClassVar[int]
    BLOCK_TIME_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    block_number: int
    block_hash: bytes
    observed_at: _timestamp_pb2.Timestamp
    finality: Finality
    safe: int
    finalized: int
    block_time: _timestamp_pb2.Timestamp
    def __init__(self, chain_id: _Optional[str] = ..., block_number: _Optional[int] = ..., block_hash: _Optional[bytes] = ..., observed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finality: _Optional[_Union[Finality, str]] = ..., safe: _Optional[int] = ..., finalized: _Optional[int] = ..., block_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class MintConfig(_message.Message):
    __slots__ = ("price", "max_supply", "per_wallet_limit", "starts_at", "ends_at", "allowlist_root", "payee")
    PRICE_FIELD_NUMBER: _ClassVar[int]
    MAX_SUPPLY_FIELD_NUMBER: _ClassVar[int]
    PER_WALLET_LIMIT_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    ENDS_AT_FIELD_NUMBER: _ClassVar[int]
    ALLOWLIST_ROOT_FIELD_NUMBER: _ClassVar[int]
    PAYEE_FIELD_NUMBER: _ClassVar[int]
    price: str
    max_supply: str
    per_wallet_limit: str
    starts_at: int
    ends_at: int
    allowlist_root: bytes
    payee: bytes
    def __init__(self, price: _Optional[str] = ..., max_supply: _Optional[str] = ..., per_wallet_limit: _Optional[str] = ..., starts_at: _Optional[int] = ..., ends_at: _Optional[int] = ..., allowlist_root: _Optional[bytes] = ..., payee: _Optional[bytes] = ...) -> None: ...
