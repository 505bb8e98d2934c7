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
INDEX_SCOPE_UNSPECIFIED: IndexScope
INDEX_SCOPE_FOLLOWED: IndexScope
INDEX_SCOPE_ALL: IndexScope

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
    __slots__ = ("url", "priority", "weight", "headers", "ws_url")
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
    url: str
    priority: int
    weight: int
    headers: _containers.ScalarMap[str, str]
    ws_url: str
    def __init__(self, url: _Optional[str] = ..., priority: _Optional[int] = ..., weight: _Optional[int] = ..., headers: _Optional[_Mapping[str, str]] = ..., ws_url: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("chain",)
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    chain: Chain
    def __init__(self, chain: _Optional[_Union[Chain, _Mapping]] = ...) -> None: ...

class PutEndpointRequest(_message.Message):
    __slots__ = ("chain_id", "endpoint")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    endpoint: Endpoint
    def __init__(self, chain_id: _Optional[str] = ..., endpoint: _Optional[_Union[Endpoint, _Mapping]] = ...) -> None: ...

class PutContractRequest(_message.Message):
    __slots__ = ("chain_id", "contract")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: Contract
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[_Union[Contract, _Mapping]] = ...) -> None: ...

class PutGasPolicyRequest(_message.Message):
    __slots__ = ("chain_id", "gas_policy")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    GAS_POLICY_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    gas_policy: GasPolicy
    def __init__(self, chain_id: _Optional[str] = ..., gas_policy: _Optional[_Union[GasPolicy, _Mapping]] = ...) -> None: ...
