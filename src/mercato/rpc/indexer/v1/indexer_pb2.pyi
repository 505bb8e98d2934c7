import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
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
    __slots__ = ("chain_id", "head", "indexed", "indexed_hash", "finalized", "state", "reason", "facts_published", "observed_at")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    INDEXED_FIELD_NUMBER: _ClassVar[int]
    INDEXED_HASH_FIELD_NUMBER: _ClassVar[int]
    FINALIZED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FACTS_PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_AT_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    head: int
    indexed: int
    indexed_hash: bytes
    finalized: int
    state: str
    reason: str
    facts_published: int
    observed_at: _timestamp_pb2.Timestamp
    def __init__(self, chain_id: _Optional[str] = ..., head: _Optional[int] = ..., indexed: _Optional[int] = ..., indexed_hash: _Optional[bytes] = ..., finalized: _Optional[int] = ..., state: _Optional[str] = ..., reason: _Optional[str] = ..., facts_published: _Optional[int] = ..., observed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
