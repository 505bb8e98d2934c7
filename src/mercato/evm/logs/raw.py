"""A log as a node sends it, with only the fields that are used."""

from __future__ import annotations

import msgspec


class RawLog(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One entry of an ``eth_getLogs`` answer or of a receipt, its 0x-hex kept as text.

    Parsing costs what is declared here, so fields nobody reads are left out. `block_timestamp` is a late
    addition to the JSON-RPC specification that many nodes do not send.
    """

    address: str
    topics: tuple[str, ...]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    transaction_index: str
    log_index: str
    block_timestamp: str | None = None
    removed: bool = False
