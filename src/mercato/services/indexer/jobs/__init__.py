"""The loops: one reader per chain, and the one that starts and stops readers as the registry says."""

from mercato.services.indexer.jobs.reader import ChainReader, Tools, scope_of
from mercato.services.indexer.jobs.readers import Readers

__all__ = ["ChainReader", "Readers", "Tools", "scope_of"]
