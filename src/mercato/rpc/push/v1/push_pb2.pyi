import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from mercato.rpc.events.v1 import events_pb2 as _events_pb2
from mercato.rpc.orchestrator.v1 import orchestrator_pb2 as _orchestrator_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Push(_message.Message):
    __slots__ = ("id", "pushed_at", "intent", "user_logged_in", "wallet_linked", "collection_upserted", "token_upserted", "token_transferred", "token_enriched", "retracted")
    ID_FIELD_NUMBER: _ClassVar[int]
    PUSHED_AT_FIELD_NUMBER: _ClassVar[int]
    INTENT_FIELD_NUMBER: _ClassVar[int]
    USER_LOGGED_IN_FIELD_NUMBER: _ClassVar[int]
    WALLET_LINKED_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_UPSERTED_FIELD_NUMBER: _ClassVar[int]
    TOKEN_UPSERTED_FIELD_NUMBER: _ClassVar[int]
    TOKEN_TRANSFERRED_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ENRICHED_FIELD_NUMBER: _ClassVar[int]
    RETRACTED_FIELD_NUMBER: _ClassVar[int]
    id: str
    pushed_at: _timestamp_pb2.Timestamp
    intent: _orchestrator_pb2.Intent
    user_logged_in: _events_pb2.UserLoggedIn
    wallet_linked: _events_pb2.WalletLinked
    collection_upserted: _events_pb2.CollectionUpserted
    token_upserted: _events_pb2.TokenUpserted
    token_transferred: _events_pb2.TokenTransferred
    token_enriched: _events_pb2.TokenEnriched
    retracted: Retracted
    def __init__(self, id: _Optional[str] = ..., pushed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., intent: _Optional[_Union[_orchestrator_pb2.Intent, _Mapping]] = ..., user_logged_in: _Optional[_Union[_events_pb2.UserLoggedIn, _Mapping]] = ..., wallet_linked: _Optional[_Union[_events_pb2.WalletLinked, _Mapping]] = ..., collection_upserted: _Optional[_Union[_events_pb2.CollectionUpserted, _Mapping]] = ..., token_upserted: _Optional[_Union[_events_pb2.TokenUpserted, _Mapping]] = ..., token_transferred: _Optional[_Union[_events_pb2.TokenTransferred, _Mapping]] = ..., token_enriched: _Optional[_Union[_events_pb2.TokenEnriched, _Mapping]] = ..., retracted: _Optional[_Union[Retracted, _Mapping]] = ...) -> None: ...

class Retracted(_message.Message):
    __slots__ = ("chain_id", "from_block")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_BLOCK_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    from_block: int
    def __init__(self, chain_id: _Optional[str] = ..., from_block: _Optional[int] = ...) -> None: ...
