"""JSON-RPC to a chain's nodes: several endpoints as one, typed calls, errors that say what to do."""

from mercato.evm.rpc.announcements import announcements, announcing_chain
from mercato.evm.rpc.endpoints import Endpoint, EndpointState
from mercato.evm.rpc.errors import (
    BlockUnknown,
    NodeFault,
    NodeRateLimited,
    NodeUnavailable,
    RangeTooLarge,
    Reverted,
    RpcError,
)
from mercato.evm.rpc.places import EndpointNotAllowed, check_place
from mercato.evm.rpc.pool import RpcPool
from mercato.evm.rpc.wire import Block, BlockId, FeeHistory, Header, Receipt, TopicFilter, Transaction

__all__ = [
    "Block",
    "BlockId",
    "BlockUnknown",
    "Endpoint",
    "EndpointNotAllowed",
    "EndpointState",
    "FeeHistory",
    "Header",
    "NodeFault",
    "NodeRateLimited",
    "NodeUnavailable",
    "RangeTooLarge",
    "Receipt",
    "Reverted",
    "RpcError",
    "RpcPool",
    "TopicFilter",
    "Transaction",
    "announcements",
    "announcing_chain",
    "check_place",
]
