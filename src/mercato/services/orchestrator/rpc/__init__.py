"""The orchestrator's gRPC: the service it offers and what it asks of others."""

from mercato.services.orchestrator.rpc.clients import CatalogClient, ChainsClient
from mercato.services.orchestrator.rpc.servicer import OrchestratorRpc

__all__ = ["CatalogClient", "ChainsClient", "OrchestratorRpc"]
