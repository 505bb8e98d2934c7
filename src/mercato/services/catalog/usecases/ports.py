"""What the use cases need of the store: a transaction over one chain, and what can be done inside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from mercato.kit.ids import ChainId
from mercato.kit.messages import Outgoing
from mercato.services.catalog.model.collections import LockedCollection, Place
from mercato.services.catalog.model.facts import (
    Block,
    Cause,
    Creation,
    Import,
    MintTerms,
    Ownership,
    Progress,
    Resolution,
    Retraction,
    RoleGrant,
    Royalty,
)
from mercato.services.catalog.model.fold import Fold, Movement, NewTokens
from mercato.services.catalog.model.metadata import TokenRange

New = set[tuple[int, int]]
"""(block_ref, log_index) of the facts that were not there before."""


class Blocks(Protocol):
    async def publish(self, blocks: Sequence[Block], generation: int) -> list[int | None]:
        """Keys of `blocks`; None where facts of this generation are late because the block was orphaned since."""

    async def orphan(self, retraction: Retraction) -> list[int]:
        """Marks blocks as orphaned; keys of those whose facts must go."""

    async def retreat(self, retraction: Retraction) -> None:
        """Moves the read point back to the common ancestor, unless a newer statement has moved it."""


class ReadPoint(Protocol):
    async def record(self, progress: Progress) -> None:
        """Takes a statement of progress in; the read point moves as far as the rows allow."""

    async def settle(self) -> None:
        """Moves the read point as far as the rows allow."""


class Collections(Protocol):
    async def add(self, contracts: Collection[bytes]) -> set[int]:
        """Makes the collections that are not there; their keys."""

    async def lock(self, contracts: Collection[bytes]) -> dict[bytes, LockedCollection]:
        """Holds collections, by contract, until the end; unknown ones are left out."""

    async def bind(self, creations: Sequence[tuple[Place, Creation]]) -> New:
        """Adds creations and their activities."""

    async def bind_imports(self, imports: Sequence[tuple[Place, Import]]) -> New:
        """Adds imports."""

    async def add_terms(self, facts: Sequence[tuple[Place, MintTerms]]) -> New: ...

    async def add_roles(self, facts: Sequence[tuple[Place, RoleGrant]]) -> New: ...

    async def add_owners(self, facts: Sequence[tuple[Place, Ownership]]) -> New: ...

    async def add_royalties(self, facts: Sequence[tuple[Place, Royalty]]) -> New: ...

    async def refresh(self, refs: Collection[int]) -> dict[int, LockedCollection]:
        """Brings collections up to date with their facts, by key."""


class Movements(Protocol):
    async def without_known(self, movements: Sequence[Movement]) -> list[Movement]:
        """Those that are not stored yet, each once."""

    async def insert(self, fresh: Iterable[Movement]) -> None: ...

    async def apply(self, change: Fold, listing: Sequence[int]) -> Mapping[int, NewTokens]:
        """Adds a fold of new transfers to all that follows from them; new tokens, by id for those in `listing`."""


class Metadata(Protocol):
    async def join(self, collection_ref: int, resolutions: Iterable[Resolution]) -> list[Resolution]:
        """Joins documents to their tokens; those that are now current."""

    async def request(self, ranges: Collection[TokenRange]) -> None:
        """Adds ranges to what is to be asked for."""


class Retractor(Protocol):
    async def take_back(self, blocks: Sequence[int]) -> None:
        """Removes the facts of blocks and restores what the remaining ones say."""


class Unit(Protocol):
    """A transaction over the tables of one chain. What is published is sent when it commits."""

    @property
    def blocks(self) -> Blocks: ...
    @property
    def progress(self) -> ReadPoint: ...
    @property
    def collections(self) -> Collections: ...
    @property
    def movements(self) -> Movements: ...
    @property
    def metadata(self) -> Metadata: ...
    @property
    def retractor(self) -> Retractor: ...

    def publish(self, *messages: Outgoing) -> None: ...


Work = Callable[[Unit], Awaitable[None]]


class Store(Protocol):
    async def beside_others(self, cause: Cause, chain: ChainId, work: Work) -> None:
        """Does `work` in the transaction that remembers `cause`, once."""

    async def alone(self, cause: Cause, chain: ChainId, work: Work) -> None:
        """As `beside_others`, while nothing else writes to the chain."""
