"""The registry's gRPC service, and how it asks nodes."""

from mercato.services.chains.rpc.clients import NodesClient
from mercato.services.chains.rpc.servicer import ChainsRpc

__all__ = ["ChainsRpc", "NodesClient"]
