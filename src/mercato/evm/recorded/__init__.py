"""A node that answers from a file: real blocks for proofs, a recorded workload for benchmarks.

    python -m mercato.evm.recorded SOURCE PORT [--max-range BLOCKS]

It serves what following a chain needs (blocks, logs, receipts, transactions) from memory, as bytes made once, and
nothing that needs state.
"""

from mercato.evm.recorded.chain import RecordedBlock, RecordedChain, Refused
from mercato.evm.recorded.server import serve
from mercato.evm.recorded.sources import load

__all__ = ["RecordedBlock", "RecordedChain", "Refused", "load", "serve"]
