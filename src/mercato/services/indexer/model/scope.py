"""Whose logs count on a chain: those of every contract, or of the contracts that are followed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mercato.evm import topics
from mercato.evm.logs import RawLog
from mercato.kit.ids import Address

ALL_TOPICS: tuple[str, ...] = (*topics.FACTORY_TOPICS, *topics.COLLECTION_TOPICS, *topics.SEAPORT_TOPICS)

# Events that thousands of contracts without tokens share, or that only our own collections have.
_OWN_COLLECTIONS_ONLY = frozenset({
    topics.OWNERSHIP_TRANSFERRED, topics.ROLE_GRANTED, topics.ROLE_REVOKED,
    topics.MINT_CONFIG_SET, topics.DEFAULT_ROYALTY_SET,
})  # fmt: skip


@dataclass
class Scope:
    """Contracts are 0x-hex in lower case; `collections` grows while blocks are read.

    A CollectionCreated counts only from one of the registry's `factories`: anybody can log one. Ownership, roles,
    sale terms and royalty count only for collections, since every other contract has an owner, too.
    """

    everything: bool
    factories: frozenset[str]
    markets: frozenset[str] = frozenset()
    """Seaport contracts, kept raw."""
    collections: set[str] = field(default_factory=set)

    def created(self, logs: Iterable[RawLog]) -> dict[str, int]:
        """Collections that our factories announce in `logs`, with the block of their creation."""
        return {
            "0x" + log.topics[1][-40:].lower(): int(log.block_number, 16)
            for log in logs
            if len(log.topics) == 4
            and log.topics[0] == topics.COLLECTION_CREATED
            and log.address.lower() in self.factories
        }

    def admitted(self, logs: Sequence[RawLog]) -> list[RawLog]:
        """The logs that count, in their order; `collections` must know what they create already."""
        return [log for log in logs if log.topics and self._admits(log.topics[0], log.address.lower())]

    @property
    def empty(self) -> bool:
        """True while there is nothing that could count."""
        return not (self.everything or self.factories or self.markets or self.collections)

    def addresses(self) -> list[Address]:
        """What to ask a node for, where it is not everything."""
        return [Address.parse(text) for text in sorted(self.factories | self.markets | self.collections)]

    def _admits(self, topic: str, address: str) -> bool:
        if topic == topics.COLLECTION_CREATED:
            return address in self.factories
        if address in self.collections:
            return True
        if topic in _OWN_COLLECTIONS_ONLY:
            return False
        return self.everything or address in self.markets
