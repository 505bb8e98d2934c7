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

class Proof(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROOF_UNSPECIFIED: _ClassVar[Proof]
    PROOF_KEY: _ClassVar[Proof]
    PROOF_CONTRACT: _ClassVar[Proof]

class Occasion(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OCCASION_UNSPECIFIED: _ClassVar[Occasion]
    OCCASION_SIGN_IN: _ClassVar[Occasion]
    OCCASION_LINK: _ClassVar[Occasion]
PROOF_UNSPECIFIED: Proof
PROOF_KEY: Proof
PROOF_CONTRACT: Proof
OCCASION_UNSPECIFIED: Occasion
OCCASION_SIGN_IN: Occasion
OCCASION_LINK: Occasion

class Wallet(_message.Message):
    __slots__ = ("id", "user_id", "address", "chain_id", "primary", "linked_at", "last_seen_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    PRIMARY_FIELD_NUMBER: _ClassVar[int]
    LINKED_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    user_id: str
    address: bytes
    chain_id: str
    primary: bool
    linked_at: _timestamp_pb2.Timestamp
    last_seen_at: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., user_id: _Optional[str] = ..., address: _Optional[bytes] = ..., chain_id: _Optional[str] = ..., primary: _Optional[bool] = ..., linked_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_seen_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class LinkWalletRequest(_message.Message):
    __slots__ = ("user_id", "address", "chain_id", "proof", "occasion")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    OCCASION_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    address: bytes
    chain_id: str
    proof: Proof
    occasion: Occasion
    def __init__(self, user_id: _Optional[str] = ..., address: _Optional[bytes] = ..., chain_id: _Optional[str] = ..., proof: _Optional[_Union[Proof, str]] = ..., occasion: _Optional[_Union[Occasion, str]] = ...) -> None: ...

class LinkWalletResponse(_message.Message):
    __slots__ = ("wallet", "created")
    WALLET_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    wallet: Wallet
    created: bool
    def __init__(self, wallet: _Optional[_Union[Wallet, _Mapping]] = ..., created: _Optional[bool] = ...) -> None: ...

class UnlinkWalletRequest(_message.Message):
    __slots__ = ("user_id", "wallet_id")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    wallet_id: str
    def __init__(self, user_id: _Optional[str] = ..., wallet_id: _Optional[str] = ...) -> None: ...

class UnlinkWalletResponse(_message.Message):
    __slots__ = ("address", "chain_id")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    address: bytes
    chain_id: str
    def __init__(self, address: _Optional[bytes] = ..., chain_id: _Optional[str] = ...) -> None: ...

class ResolveAddressRequest(_message.Message):
    __slots__ = ("address", "chain_id", "proof")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    address: bytes
    chain_id: str
    proof: Proof
    def __init__(self, address: _Optional[bytes] = ..., chain_id: _Optional[str] = ..., proof: _Optional[_Union[Proof, str]] = ...) -> None: ...

class ResolveAddressResponse(_message.Message):
    __slots__ = ("user_id", "left_user_ids", "wallet_ids")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    LEFT_USER_IDS_FIELD_NUMBER: _ClassVar[int]
    WALLET_IDS_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    left_user_ids: _containers.RepeatedScalarFieldContainer[str]
    wallet_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, user_id: _Optional[str] = ..., left_user_ids: _Optional[_Iterable[str]] = ..., wallet_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class SetPrimaryWalletRequest(_message.Message):
    __slots__ = ("user_id", "wallet_id")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    wallet_id: str
    def __init__(self, user_id: _Optional[str] = ..., wallet_id: _Optional[str] = ...) -> None: ...

class NoteWalletSeenRequest(_message.Message):
    __slots__ = ("wallet_id",)
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    wallet_id: str
    def __init__(self, wallet_id: _Optional[str] = ...) -> None: ...

class NoteWalletSeenResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListWalletsRequest(_message.Message):
    __slots__ = ("user_ids",)
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    user_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, user_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ListWalletsResponse(_message.Message):
    __slots__ = ("wallets",)
    WALLETS_FIELD_NUMBER: _ClassVar[int]
    wallets: _containers.RepeatedCompositeFieldContainer[Wallet]
    def __init__(self, wallets: _Optional[_Iterable[_Union[Wallet, _Mapping]]] = ...) -> None: ...

class Approval(_message.Message):
    __slots__ = ("chain_id", "contract", "owner", "operator", "token_id", "approved", "position")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    APPROVED_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    contract: bytes
    owner: bytes
    operator: bytes
    token_id: str
    approved: bool
    position: _common_pb2.Position
    def __init__(self, chain_id: _Optional[str] = ..., contract: _Optional[bytes] = ..., owner: _Optional[bytes] = ..., operator: _Optional[bytes] = ..., token_id: _Optional[str] = ..., approved: _Optional[bool] = ..., position: _Optional[_Union[_common_pb2.Position, _Mapping]] = ...) -> None: ...

class ListApprovalsRequest(_message.Message):
    __slots__ = ("owner", "chain_id", "page", "owners", "operator", "contract")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    OWNERS_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    owner: bytes
    chain_id: str
    page: _common_pb2.PageRequest
    owners: _containers.RepeatedScalarFieldContainer[bytes]
    operator: bytes
    contract: bytes
    def __init__(self, owner: _Optional[bytes] = ..., chain_id: _Optional[str] = ..., page: _Optional[_Union[_common_pb2.PageRequest, _Mapping]] = ..., owners: _Optional[_Iterable[bytes]] = ..., operator: _Optional[bytes] = ..., contract: _Optional[bytes] = ...) -> None: ...

class ListApprovalHistoryRequest(_message.Message):
    __slots__ = ("owners", "chain_id", "operator", "contract", "page")
    OWNERS_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    owners: _containers.RepeatedScalarFieldContainer[bytes]
    chain_id: str
    operator: bytes
    contract: bytes
    page: _common_pb2.PageRequest
    def __init__(self, owners: _Optional[_Iterable[bytes]] = ..., chain_id: _Optional[str] = ..., operator: _Optional[bytes] = ..., contract: _Optional[bytes] = ..., page: _Optional[_Union[_common_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class ApprovalEntry(_message.Message):
    __slots__ = ("approval", "ended_by")
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    ENDED_BY_FIELD_NUMBER: _ClassVar[int]
    approval: Approval
    ended_by: _common_pb2.Position
    def __init__(self, approval: _Optional[_Union[Approval, _Mapping]] = ..., ended_by: _Optional[_Union[_common_pb2.Position, _Mapping]] = ...) -> None: ...

class ListApprovalHistoryResponse(_message.Message):
    __slots__ = ("entries", "page", "cursors", "read_points")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    READ_POINTS_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[ApprovalEntry]
    page: _common_pb2.PageInfo
    cursors: _containers.RepeatedScalarFieldContainer[str]
    read_points: _containers.RepeatedCompositeFieldContainer[_common_pb2.ReadPoint]
    def __init__(self, entries: _Optional[_Iterable[_Union[ApprovalEntry, _Mapping]]] = ..., page: _Optional[_Union[_common_pb2.PageInfo, _Mapping]] = ..., cursors: _Optional[_Iterable[str]] = ..., read_points: _Optional[_Iterable[_Union[_common_pb2.ReadPoint, _Mapping]]] = ...) -> None: ...

class ListApprovalsResponse(_message.Message):
    __slots__ = ("approvals", "page", "cursors", "read_points")
    APPROVALS_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    READ_POINTS_FIELD_NUMBER: _ClassVar[int]
    approvals: _containers.RepeatedCompositeFieldContainer[Approval]
    page: _common_pb2.PageInfo
    cursors: _containers.RepeatedScalarFieldContainer[str]
    read_points: _containers.RepeatedCompositeFieldContainer[_common_pb2.ReadPoint]
    def __init__(self, approvals: _Optional[_Iterable[_Union[Approval, _Mapping]]] = ..., page: _Optional[_Union[_common_pb2.PageInfo, _Mapping]] = ..., cursors: _Optional[_Iterable[str]] = ..., read_points: _Optional[_Iterable[_Union[_common_pb2.ReadPoint, _Mapping]]] = ...) -> None: ...
