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

class IndexScope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INDEX_SCOPE_UNSPECIFIED: _ClassVar[IndexScope]
    INDEX_SCOPE_FOLLOWED: _ClassVar[IndexScope]
    INDEX_SCOPE_ALL: _ClassVar[IndexScope]

class HeaderChange(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HEADER_CHANGE_REPLACE: _ClassVar[HeaderChange]
    HEADER_CHANGE_KEEP: _ClassVar[HeaderChange]
INDEX_SCOPE_UNSPECIFIED: IndexScope
INDEX_SCOPE_FOLLOWED: IndexScope
INDEX_SCOPE_ALL: IndexScope
HEADER_CHANGE_REPLACE: HeaderChange
HEADER_CHANGE_KEEP: HeaderChange

class Chain(_message.Message):
    __slots__ = ("chain_id", "name", "currency_symbol", "currency_decimals", "explorer_url", "enabled", "scope", "start_block", "version", "endpoints", "contracts", "gas_policy")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_SYMBOL_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_DECIMALS_FIELD_NUMBER: _ClassVar[int]
    EXPLORER_URL_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    START_BLOCK_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    CONTRACTS_FIELD_NUMBER: _ClassVar[int]
    GAS_POLICY_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    name: str
    currency_symbol: str
    currency_decimals: int
    explorer_url: str
    enabled: bool
    scope: IndexScope
    start_block: int
    version: int
    endpoints: _containers.RepeatedCompositeFieldContainer[Endpoint]
    contracts: _containers.RepeatedCompositeFieldContainer[Contract]
    gas_policy: GasPolicy
    def __init__(self, chain_id: _Optional[str] = ..., name: _Optional[str] = ..., currency_symbol: _Optional[str] = ..., currency_decimals: _Optional[int] = ..., explorer_url: _Optional[str] = ..., enabled: _Optional[bool] = ..., scope: _Optional[_Union[IndexScope, str]] = ..., start_block: _Optional[int] = ..., version: _Optional[int] = ..., endpoints: _Optional[_Iterable[_Union[Endpoint, _Mapping]]] = ..., contracts: _Optional[_Iterable[_Union[Contract, _Mapping]]] = ..., gas_policy: _Optional[_Union[GasPolicy, _Mapping]] = ...) -> None: ...

class Endpoint(_message.Message):
    __slots__ = ("url", "priority", "weight", "headers", "ws_url", "id", "shown_url", "shown_ws_url")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    URL_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    WS_URL_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    SHOWN_URL_FIELD_NUMBER: _ClassVar[int]
    SHOWN_WS_URL_FIELD_NUMBER: _ClassVar[int]
    url: str
    priority: int
    weight: int
    headers: _containers.ScalarMap[str, str]
    ws_url: str
    id: str
    shown_url: str
    shown_ws_url: str
    def __init__(self, url: _Optional[str] = ..., priority: _Optional[int] = ..., weight: _Optional[int] = ..., headers: _Optional[_Mapping[str, str]] = ..., ws_url: _Optional[str] = ..., id: _Optional[str] = ..., shown_url: _Optional[str] = ..., shown_ws_url: _Optional[str] = ...) -> None: ...

class Contract(_message.Message):
    __slots__ = ("kind", "address", "deployed_block")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    DEPLOYED_BLOCK_FIELD_NUMBER: _ClassVar[int]
    kind: str
    address: bytes
    deployed_block: int
    def __init__(self, kind: _Optional[str] = ..., address: _Optional[bytes] = ..., deployed_block: _Optional[int] = ...) -> None: ...

class GasPolicy(_message.Message):
    __slots__ = ("base_fee_multiplier_percent", "max_priority_fee", "max_fee_cap", "gas_limit_margin_percent", "confirmations", "finality_depth")
    BASE_FEE_MULTIPLIER_PERCENT_FIELD_NUMBER: _ClassVar[int]
    MAX_PRIORITY_FEE_FIELD_NUMBER: _ClassVar[int]
    MAX_FEE_CAP_FIELD_NUMBER: _ClassVar[int]
    GAS_LIMIT_MARGIN_PERCENT_FIELD_NUMBER: _ClassVar[int]
    CONFIRMATIONS_FIELD_NUMBER: _ClassVar[int]
    FINALITY_DEPTH_FIELD_NUMBER: _ClassVar[int]
    base_fee_multiplier_percent: int
    max_priority_fee: str
    max_fee_cap: str
    gas_limit_margin_percent: int
    confirmations: int
    finality_depth: int
    def __init__(self, base_fee_multiplier_percent: _Optional[int] = ..., max_priority_fee: _Optional[str] = ..., max_fee_cap: _Optional[str] = ..., gas_limit_margin_percent: _Optional[int] = ..., confirmations: _Optional[int] = ..., finality_depth: _Optional[int] = ...) -> None: ...

class ListChainsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListChainsResponse(_message.Message):
    __slots__ = ("chains",)
    CHAINS_FIELD_NUMBER: _ClassVar[int]
    chains: _containers.RepeatedCompositeFieldContainer[Chain]
    def __init__(self, chains: _Optional[_Iterable[_Union[Chain, _Mapping]]] = ...) -> None: ...

class GetChainRequest(_message.Message):
    __slots__ = ("chain_id",)
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    def __init__(self, chain_id: _Optional[str] = ...) -> None: ...

class PutChainRequest(_message.Message):
    __slots__ = ("chain", "requested_by", "expected_version")
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    chain: Chain
    requested_by: bytes
    expected_version: int
    def __init__(self, chain: _Optional[_Union[Chain, _Mapping]] = ..., requested_by: _Optional[bytes] = ..., expected_version: _Optional[int] = ...) -> None: ...

class SetChainEnabledRequest(_message.Message):
    __slots__ = ("chain_id", "enabled", "requested_by", "expected_version")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    enabled: bool
    requested_by: bytes
    expected_version: int
    def __init__(self, chain_id: _Optional[str] = ..., enabled: _Optional[bool] = ..., requested_by: _Optional[bytes] = ..., expected_version: _Optional[int] = ...) -> None: ...

class PutEndpointRequest(_message.Message):
    __slots__ = ("chain_id", "endpoint", "requested_by", "expected_version", "header_change")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    HEADER_CHANGE_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    endpoint: Endpoint
    requested_by: bytes
    expected_version: int
    header_change: HeaderChange
    def __init__(self, chain_id: _Optional[str] = ..., endpoint: _Optional[_Union[Endpoint, _Mapping]] = ..., requested_by: _Optional[bytes] = ..., expected_version: _Optional[int] = ..., header_change: _Optional[_Union[HeaderChange, str]] = ...) -> None: ...

class RemoveEndpointRequest(_message.Message):
    __slots__ = ("chain_id", "endpoint_id", "requested_by", "expected_version")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    endpoint_id: str
    requested_by: bytes
    expected_version: int
    def __init__(self, chain_id: _Optional[str] = ..., endpoint_id: _Optional[str] = ..., requested_by: _Optional[bytes] = ..., expected_version: _Optional[int] = ...) -> None: ...

class PutContractRequest(_message.Message):
    __slots__ = ("chain_id", "contract", "requested_by", "expected_version")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: Contract
    requested_by: bytes
    expected_version: int
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[_Union[Contract, _Mapping]] = ..., requested_by: _Optional[bytes] = ..., expected_version: _Optional[int] = ...) -> None: ...

class RemoveContractRequest(_message.Message):
    __slots__ = ("chain_id", "kind", "address", "requested_by", "expected_version")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    kind: str
    address: bytes
    requested_by: bytes
    expected_version: int
    def __init__(self, chain_id: _Optional[str] = ..., kind: _Optional[str] = ..., address: _Optional[bytes] = ..., requested_by: _Optional[bytes] = ..., expected_version: _Optional[int] = ...) -> None: ...

class PutGasPolicyRequest(_message.Message):
    __slots__ = ("chain_id", "gas_policy", "requested_by", "expected_version")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    GAS_POLICY_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    gas_policy: GasPolicy
    requested_by: bytes
    expected_version: int
    def __init__(self, chain_id: _Optional[str] = ..., gas_policy: _Optional[_Union[GasPolicy, _Mapping]] = ..., requested_by: _Optional[bytes] = ..., expected_version: _Optional[int] = ...) -> None: ...

class ListChangesRequest(_message.Message):
    __slots__ = ("chain_id", "page")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    page: _common_pb2.PageRequest
    def __init__(self, chain_id: _Optional[str] = ..., page: _Optional[_Union[_common_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class ListChangesResponse(_message.Message):
    __slots__ = ("changes", "cursors", "page")
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    cursors: _containers.RepeatedScalarFieldContainer[str]
    page: _common_pb2.PageInfo
    def __init__(self, changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ..., cursors: _Optional[_Iterable[str]] = ..., page: _Optional[_Union[_common_pb2.PageInfo, _Mapping]] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("id", "chain_id", "version", "action", "requested_by", "request_id", "at", "before", "after")
    ID_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    id: str
    chain_id: str
    version: int
    action: str
    requested_by: bytes
    request_id: str
    at: _timestamp_pb2.Timestamp
    before: str
    after: str
    def __init__(self, id: _Optional[str] = ..., chain_id: _Optional[str] = ..., version: _Optional[int] = ..., action: _Optional[str] = ..., requested_by: _Optional[bytes] = ..., request_id: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., before: _Optional[str] = ..., after: _Optional[str] = ...) -> None: ...
