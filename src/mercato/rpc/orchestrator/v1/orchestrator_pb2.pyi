import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from mercato.rpc.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class IntentState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INTENT_STATE_UNSPECIFIED: _ClassVar[IntentState]
    INTENT_STATE_PREPARED: _ClassVar[IntentState]
    INTENT_STATE_SUBMITTED: _ClassVar[IntentState]
    INTENT_STATE_INCLUDED: _ClassVar[IntentState]
    INTENT_STATE_CONFIRMED: _ClassVar[IntentState]
    INTENT_STATE_INDEXED: _ClassVar[IntentState]
    INTENT_STATE_FAILED: _ClassVar[IntentState]
    INTENT_STATE_REPLACED: _ClassVar[IntentState]
    INTENT_STATE_DROPPED: _ClassVar[IntentState]
    INTENT_STATE_EXPIRED: _ClassVar[IntentState]

class IntentKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INTENT_KIND_UNSPECIFIED: _ClassVar[IntentKind]
    INTENT_KIND_CREATE_COLLECTION: _ClassVar[IntentKind]
    INTENT_KIND_MINT_721: _ClassVar[IntentKind]
    INTENT_KIND_MINT_1155: _ClassVar[IntentKind]
INTENT_STATE_UNSPECIFIED: IntentState
INTENT_STATE_PREPARED: IntentState
INTENT_STATE_SUBMITTED: IntentState
INTENT_STATE_INCLUDED: IntentState
INTENT_STATE_CONFIRMED: IntentState
INTENT_STATE_INDEXED: IntentState
INTENT_STATE_FAILED: IntentState
INTENT_STATE_REPLACED: IntentState
INTENT_STATE_DROPPED: IntentState
INTENT_STATE_EXPIRED: IntentState
INTENT_KIND_UNSPECIFIED: IntentKind
INTENT_KIND_CREATE_COLLECTION: IntentKind
INTENT_KIND_MINT_721: IntentKind
INTENT_KIND_MINT_1155: IntentKind

class Intent(_message.Message):
    __slots__ = ("id", "user_id", "kind", "state", "chain_id", "sender", "transaction", "contract", "tx_hash", "block_number", "failure_reason", "failure_message", "timeline", "token_ids", "version", "expires_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    TX_HASH_FIELD_NUMBER: _ClassVar[int]
    BLOCK_NUMBER_FIELD_NUMBER: _ClassVar[int]
    FAILURE_REASON_FIELD_NUMBER: _ClassVar[int]
    FAILURE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TIMELINE_FIELD_NUMBER: _ClassVar[int]
    TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    user_id: str
    kind: IntentKind
    state: IntentState
    chain_id: str
    sender: bytes
    transaction: UnsignedTransaction
    contract: bytes
    tx_hash: bytes
    block_number: int
    failure_reason: str
    failure_message: str
    timeline: _containers.RepeatedCompositeFieldContainer[IntentStep]
    token_ids: _containers.RepeatedScalarFieldContainer[str]
    version: int
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., user_id: _Optional[str] = ..., kind: _Optional[_Union[IntentKind, str]] = ..., state: _Optional[_Union[IntentState, str]] = ..., chain_id: _Optional[str] = ..., sender: _Optional[bytes] = ..., transaction: _Optional[_Union[UnsignedTransaction, _Mapping]] = ..., contract: _Optional[bytes] = ..., tx_hash: _Optional[bytes] = ..., block_number: _Optional[int] = ..., failure_reason: _Optional[str] = ..., failure_message: _Optional[str] = ..., timeline: _Optional[_Iterable[_Union[IntentStep, _Mapping]]] = ..., token_ids: _Optional[_Iterable[str]] = ..., version: _Optional[int] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class IntentStep(_message.Message):
    __slots__ = ("state", "at", "note")
    STATE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    state: IntentState
    at: _timestamp_pb2.Timestamp
    note: str
    def __init__(self, state: _Optional[_Union[IntentState, str]] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., note: _Optional[str] = ...) -> None: ...

class UnsignedTransaction(_message.Message):
    __slots__ = ("chain_id", "to", "data", "value", "gas_limit", "max_fee_per_gas", "max_priority_fee_per_gas")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    GAS_LIMIT_FIELD_NUMBER: _ClassVar[int]
    MAX_FEE_PER_GAS_FIELD_NUMBER: _ClassVar[int]
    MAX_PRIORITY_FEE_PER_GAS_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    to: bytes
    data: bytes
    value: str
    gas_limit: int
    max_fee_per_gas: str
    max_priority_fee_per_gas: str
    def __init__(self, chain_id: _Optional[str] = ..., to: _Optional[bytes] = ..., data: _Optional[bytes] = ..., value: _Optional[str] = ..., gas_limit: _Optional[int] = ..., max_fee_per_gas: _Optional[str] = ..., max_priority_fee_per_gas: _Optional[str] = ...) -> None: ...

class Caller(_message.Message):
    __slots__ = ("user_id", "wallet", "idempotency_key")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    wallet: bytes
    idempotency_key: str
    def __init__(self, user_id: _Optional[str] = ..., wallet: _Optional[bytes] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class PrepareCreateCollectionRequest(_message.Message):
    __slots__ = ("caller", "chain_id", "standard", "name", "symbol", "base_uri", "contract_uri", "royalty_receiver", "royalty_bps", "mint_config")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    STANDARD_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    BASE_URI_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_URI_FIELD_NUMBER: _ClassVar[int]
    ROYALTY_RECEIVER_FIELD_NUMBER: _ClassVar[int]
    ROYALTY_BPS_FIELD_NUMBER: _ClassVar[int]
    MINT_CONFIG_FIELD_NUMBER: _ClassVar[int]
    caller: Caller
    chain_id: str
    standard: _common_pb2.Standard
    name: str
    symbol: str
    base_uri: str
    contract_uri: str
    royalty_receiver: bytes
    royalty_bps: int
    mint_config: _common_pb2.MintConfig
    def __init__(self, caller: _Optional[_Union[Caller, _Mapping]] = ..., chain_id: _Optional[str] = ..., standard: _Optional[_Union[_common_pb2.Standard, str]] = ..., name: _Optional[str] = ..., symbol: _Optional[str] = ..., base_uri: _Optional[str] = ..., contract_uri: _Optional[str] = ..., royalty_receiver: _Optional[bytes] = ..., royalty_bps: _Optional[int] = ..., mint_config: _Optional[_Union[_common_pb2.MintConfig, _Mapping]] = ...) -> None: ...

class PrepareMint721Request(_message.Message):
    __slots__ = ("caller", "chain_id", "contract", "recipient", "quantity", "allowlist_proof")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    ALLOWLIST_PROOF_FIELD_NUMBER: _ClassVar[int]
    caller: Caller
    chain_id: str
    contract: bytes
    recipient: bytes
    quantity: int
    allowlist_proof: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, caller: _Optional[_Union[Caller, _Mapping]] = ..., chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., recipient: _Optional[bytes] = ..., quantity: _Optional[int] = ..., allowlist_proof: _Optional[_Iterable[bytes]] = ...) -> None: ...

class PrepareMint1155Request(_message.Message):
    __slots__ = ("caller", "chain_id", "contract", "recipient", "token_id", "amount", "allowlist_proof")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    ALLOWLIST_PROOF_FIELD_NUMBER: _ClassVar[int]
    caller: Caller
    chain_id: str
    contract: bytes
    recipient: bytes
    token_id: str
    amount: str
    allowlist_proof: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, caller: _Optional[_Union[Caller, _Mapping]] = ..., chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., recipient: _Optional[bytes] = ..., token_id: _Optional[str] = ..., amount: _Optional[str] = ..., allowlist_proof: _Optional[_Iterable[bytes]] = ...) -> None: ...

class PrepareResponse(_message.Message):
    __slots__ = ("intent", "created")
    INTENT_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    intent: Intent
    created: bool
    def __init__(self, intent: _Optional[_Union[Intent, _Mapping]] = ..., created: _Optional[bool] = ...) -> None: ...

class TrackTxRequest(_message.Message):
    __slots__ = ("user_id", "intent_id", "tx_hash")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    INTENT_ID_FIELD_NUMBER: _ClassVar[int]
    TX_HASH_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    intent_id: str
    tx_hash: bytes
    def __init__(self, user_id: _Optional[str] = ..., intent_id: _Optional[str] = ..., tx_hash: _Optional[bytes] = ...) -> None: ...

class GetIntentRequest(_message.Message):
    __slots__ = ("user_id", "intent_id")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    INTENT_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    intent_id: str
    def __init__(self, user_id: _Optional[str] = ..., intent_id: _Optional[str] = ...) -> None: ...

class BatchGetIntentsRequest(_message.Message):
    __slots__ = ("user_id", "intent_ids")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    INTENT_IDS_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    intent_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, user_id: _Optional[str] = ..., intent_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class BatchGetIntentsResponse(_message.Message):
    __slots__ = ("intents",)
    INTENTS_FIELD_NUMBER: _ClassVar[int]
    intents: _containers.RepeatedCompositeFieldContainer[Intent]
    def __init__(self, intents: _Optional[_Iterable[_Union[Intent, _Mapping]]] = ...) -> None: ...

class ListIntentsRequest(_message.Message):
    __slots__ = ("user_id", "page")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    page: _common_pb2.PageRequest
    def __init__(self, user_id: _Optional[str] = ..., page: _Optional[_Union[_common_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class ListIntentsResponse(_message.Message):
    __slots__ = ("intents", "page", "cursors")
    INTENTS_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    intents: _containers.RepeatedCompositeFieldContainer[Intent]
    page: _common_pb2.PageInfo
    cursors: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, intents: _Optional[_Iterable[_Union[Intent, _Mapping]]] = ..., page: _Optional[_Union[_common_pb2.PageInfo, _Mapping]] = ..., cursors: _Optional[_Iterable[str]] = ...) -> None: ...
