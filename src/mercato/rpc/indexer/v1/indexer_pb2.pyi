import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from mercato.rpc.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("chains",)
    CHAINS_FIELD_NUMBER: _ClassVar[int]
    chains: _containers.RepeatedCompositeFieldContainer[ChainStatus]
    def __init__(self, chains: _Optional[_Iterable[_Union[ChainStatus, _Mapping]]] = ...) -> None: ...

class ChainStatus(_message.Message):
    __slots__ = ("chain_id", "head", "indexed", "indexed_hash", "finalized", "state", "reason", "facts_published", "observed_at", "seen", "head_time", "indexed_time")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    INDEXED_FIELD_NUMBER: _ClassVar[int]
    INDEXED_HASH_FIELD_NUMBER: _ClassVar[int]
    FINALIZED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FACTS_PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_AT_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    HEAD_TIME_FIELD_NUMBER: _ClassVar[int]
    INDEXED_TIME_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    head: int
    indexed: int
    indexed_hash: bytes
    finalized: int
    state: str
    reason: str
    facts_published: int
    observed_at: _timestamp_pb2.Timestamp
    seen: int
    head_time: _timestamp_pb2.Timestamp
    indexed_time: _timestamp_pb2.Timestamp
    def __init__(self, chain_id: _Optional[str] = ..., head: _Optional[int] = ..., indexed: _Optional[int] = ..., indexed_hash: _Optional[bytes] = ..., finalized: _Optional[int] = ..., state: _Optional[str] = ..., reason: _Optional[str] = ..., facts_published: _Optional[int] = ..., observed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., seen: _Optional[int] = ..., head_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., indexed_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ImportCollectionRequest(_message.Message):
    __slots__ = ("chain_id", "contract", "from_block", "requested_by")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    FROM_BLOCK_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: bytes
    from_block: int
    requested_by: bytes
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., from_block: _Optional[int] = ..., requested_by: _Optional[bytes] = ...) -> None: ...

class ImportCollectionResponse(_message.Message):
    __slots__ = ("imported",)
    IMPORTED_FIELD_NUMBER: _ClassVar[int]
    imported: CollectionImport
    def __init__(self, imported: _Optional[_Union[CollectionImport, _Mapping]] = ...) -> None: ...

class ListImportsRequest(_message.Message):
    __slots__ = ("chain_id", "contract", "page")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: bytes
    page: _common_pb2.PageRequest
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., page: _Optional[_Union[_common_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class ListImportsResponse(_message.Message):
    __slots__ = ("imports", "page", "cursors")
    IMPORTS_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    imports: _containers.RepeatedCompositeFieldContainer[CollectionImport]
    page: _common_pb2.PageInfo
    cursors: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, imports: _Optional[_Iterable[_Union[CollectionImport, _Mapping]]] = ..., page: _Optional[_Union[_common_pb2.PageInfo, _Mapping]] = ..., cursors: _Optional[_Iterable[str]] = ...) -> None: ...

class CollectionImport(_message.Message):
    __slots__ = ("chain_id", "contract", "standard", "name", "symbol", "state", "reason", "from_block", "blocks_read", "blocks_total", "facts_published", "requested_by", "requested_at", "updated_at")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    STANDARD_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FROM_BLOCK_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_READ_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    FACTS_PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: bytes
    standard: _common_pb2.Standard
    name: str
    symbol: str
    state: str
    reason: str
    from_block: int
    blocks_read: int
    blocks_total: int
    facts_published: int
    requested_by: bytes
    requested_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., standard: _Optional[_Union[_common_pb2.Standard, str]] = ..., name: _Optional[str] = ..., symbol: _Optional[str] = ..., state: _Optional[str] = ..., reason: _Optional[str] = ..., from_block: _Optional[int] = ..., blocks_read: _Optional[int] = ..., blocks_total: _Optional[int] = ..., facts_published: _Optional[int] = ..., requested_by: _Optional[bytes] = ..., requested_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
