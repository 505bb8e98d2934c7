"""The logs bloom of a header (Yellow Paper §4.3.1): what a complete list of logs must account for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from mercato.kit.ids import keccak256


@lru_cache(maxsize=65_536)
def bits(item: bytes) -> int:
    """The three bits of an address or topic in the 2,048-bit filter."""
    digest = keccak256(item)
    value = 0
    for at in (0, 2, 4):
        value |= 1 << ((digest[at] << 8 | digest[at + 1]) & 2047)
    return value


def of_items(items: Iterable[bytes]) -> int:
    """The filter of the addresses and topics of some logs."""
    value = 0
    for item in items:
        value |= bits(item)
    return value


def unaccounted(header: int, items: Iterable[bytes]) -> bool:
    """True when the header promises a log that is not among those with these addresses and topics.

    Bits beyond the header's are no evidence: some chains leave the filter empty, others return logs of system
    transactions that it does not cover.
    """
    return header & ~of_items(items) != 0
