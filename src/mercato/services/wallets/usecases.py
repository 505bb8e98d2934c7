"""What the wallets service can do: link, unlink and list wallets; follow approvals and list them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from mercato.kit import cursors
from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import MAX_CHAIN_NUMBER, Address, ChainId, UserId
from mercato.services.wallets.model import (
    Approval,
    ApprovalFilter,
    Claim,
    Entry,
    Found,
    Moves,
    Ownership,
    Progress,
    Proof,
    ReadPoint,
    Retraction,
    Wallet,
)

BATCH_LIMIT = 1000
OWNERS_LIMIT = 100

# Seconds of the last moment of the year 9999, and of what a log index and a block number can be.
_CURSOR_LIMITS = (253_402_300_799, MAX_CHAIN_NUMBER, 2**63 - 1, 2**31 - 1)

Clock = Callable[[], datetime]


class Wallets(Protocol):
    async def find(self, user_id: UserId, address: Address, chain: ChainId) -> Wallet | None: ...

    async def link(self, claim: Claim, wallet_id: UUID, now: datetime) -> tuple[Wallet, bool]: ...

    async def resolve(self, address: Address, shown: tuple[ChainId, Proof] | None = None) -> Ownership: ...

    async def unlink(self, user_id: UserId, wallet_id: UUID, now: datetime) -> Wallet: ...

    async def set_primary(self, user_id: UserId, wallet_id: UUID) -> Wallet: ...

    async def list_of(self, user_ids: Sequence[UserId]) -> list[Wallet]: ...

    async def saw(self, wallet_id: UUID, now: datetime) -> None: ...


class ApprovalWriter(Protocol):
    async def apply(self, event_id: str, chain: ChainId, generation: int, facts: Sequence[Approval]) -> None: ...

    async def move(self, event_id: str, chain: ChainId, generation: int, moves: Moves) -> None: ...

    async def retract(self, event_id: str, chain: ChainId, retraction: Retraction) -> None: ...

    async def advance(self, event_id: str, chain: ChainId, progress: Progress) -> None: ...


class ApprovalReader(Protocol):
    async def page(self, wanted: ApprovalFilter, after: Sequence[int] | None, limit: int) -> Found[Approval]: ...

    async def history(self, wanted: ApprovalFilter, after: Sequence[int] | None, limit: int) -> Found[Entry]: ...


class Turning(Protocol):
    async def turn(self, chain: ChainId) -> None: ...


class Cache(Protocol):
    async def find(self, chain: ChainId, owner: Address, page: str) -> tuple[Found[Approval] | None, bytes]: ...

    async def keep(self, chain: ChainId, owner: Address, page: str, found: Found[Approval], mark: bytes) -> None: ...


class LinkWallet:
    """Links a proven address to a user; each further call only notes that the wallet was seen."""

    def __init__(self, wallets: Wallets, clock: Clock, make_id: Callable[[], UUID]) -> None:
        self._wallets = wallets
        self._clock = clock
        self._make_id = make_id

    async def run(self, claim: Claim) -> tuple[Wallet, bool]:
        """The wallet, and whether this call made it.

        Raises `Conflict` WALLET_OF_ANOTHER_USER, CONTRACT_ON_OTHER_CHAIN, or on a sign-in WALLET_UNLINKED, and
        `FailedPrecondition` TOO_MANY_WALLETS.
        """
        now = self._clock()
        wallet, created = await self._wallets.find(claim.user_id, claim.address, claim.chain), False
        if wallet is None:
            wallet, created = await self._wallets.link(claim, self._make_id(), now)
        await self._wallets.saw(wallet.id, now)
        return replace(wallet, last_seen_at=now), created


class ManageWallets:
    """A user's own wallets."""

    def __init__(self, wallets: Wallets, clock: Clock) -> None:
        self._wallets = wallets
        self._clock = clock

    async def resolve(self, address: Address, shown: tuple[ChainId, Proof] | None = None) -> Ownership:
        """Whose an address is to whoever has `shown` it on a chain, or as far as anybody can say."""
        return await self._wallets.resolve(address, shown)

    async def saw(self, wallet_id: UUID) -> None:
        """A session that the wallet opened goes on."""
        await self._wallets.saw(wallet_id, self._clock())

    async def unlink(self, user_id: UserId, wallet_id: UUID) -> Wallet:
        """The wallet that is gone. Raises `NotFound` WALLET_NOT_FOUND or `FailedPrecondition` LAST_WALLET."""
        return await self._wallets.unlink(user_id, wallet_id, self._clock())

    async def set_primary(self, user_id: UserId, wallet_id: UUID) -> Wallet:
        """Raises `NotFound` WALLET_NOT_FOUND."""
        return await self._wallets.set_primary(user_id, wallet_id)

    async def list_of(self, user_ids: Sequence[UserId]) -> list[Wallet]:
        """Each user's wallets, the primary first. Raises `InvalidArgument` BATCH_TOO_LONG."""
        if len(user_ids) > BATCH_LIMIT:
            raise InvalidArgument("BATCH_TOO_LONG", f"ask for at most {BATCH_LIMIT} users at once")
        return await self._wallets.list_of(user_ids)


class FollowApprovals:
    """Applies and retracts what chain events say, all of it safe to repeat and in any order. After each commit, again
    for a repeated event, what is kept of the chain counts no more: it names the block it was true at."""

    def __init__(self, approvals: ApprovalWriter, cache: Turning) -> None:
        self._approvals = approvals
        self._cache = cache

    async def apply(self, event_id: str, chain: ChainId, generation: int, facts: Sequence[Approval]) -> None:
        """Facts read after `generation` reorganisations of the chain."""
        await self._approvals.apply(event_id, chain, generation, facts)
        await self._cache.turn(chain)

    async def move(self, event_id: str, chain: ChainId, generation: int, moves: Moves) -> None:
        """Transfers, which end approvals of single tokens."""
        await self._approvals.move(event_id, chain, generation, moves)
        await self._cache.turn(chain)

    async def retract(self, event_id: str, chain: ChainId, retraction: Retraction) -> None:
        """Undoes what orphaned blocks said, and takes the read point back."""
        await self._approvals.retract(event_id, chain, retraction)
        await self._cache.turn(chain)

    async def advance(self, event_id: str, chain: ChainId, progress: Progress) -> None:
        """Moves the read point as soon as the rows are as the statement says."""
        await self._approvals.advance(event_id, chain, progress)
        await self._cache.turn(chain)


T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """`cursors` has one entry for each of `items`; `at` are the read points that the page is true at."""

    items: Sequence[T]
    cursors: list[str]
    has_next: bool
    at: Sequence[ReadPoint]

    @property
    def end_cursor(self) -> str:
        return self.cursors[-1] if self.cursors else ""


class ListApprovals:
    """Approvals in force, newest first."""

    def __init__(self, approvals: ApprovalReader, cache: Cache) -> None:
        self._approvals = approvals
        self._cache = cache

    async def run(self, wanted: ApprovalFilter, first: int, after: str) -> Page[Approval]:
        """Of one owner on one chain from the cache where possible. Raises `InvalidArgument` INVALID_CURSOR,
        INVALID_PAGE_SIZE or INVALID_OWNERS."""
        size, key = _place_of(wanted, first, after)
        found = await self._found(wanted, key, size + 1)
        shown = found.rows[:size]
        return Page(shown, [cursors.encode(*row.sort_key) for row in shown], len(found.rows) > size, found.at)

    async def _found(self, wanted: ApprovalFilter, key: Sequence[int] | None, limit: int) -> Found[Approval]:
        if wanted.chain is None or len(wanted.owners) > 1:
            return await self._approvals.page(wanted, key, limit)
        chain, owner = wanted.chain, wanted.owners[0]
        conditions = "/".join(a.text if a is not None else "" for a in (wanted.operator, wanted.contract))
        page = f"{limit}:{':'.join(map(str, key or ()))}:{conditions}"
        kept, mark = await self._cache.find(chain, owner, page)
        if kept is not None:
            return kept
        found = await self._approvals.page(wanted, key, limit)
        await self._cache.keep(chain, owner, page, found, mark)
        return found


class ListHistory:
    """Every approval and revocation that stands in a canonical block, newest first."""

    def __init__(self, approvals: ApprovalReader) -> None:
        self._approvals = approvals

    async def run(self, wanted: ApprovalFilter, first: int, after: str) -> Page[Entry]:
        """Raises `InvalidArgument` INVALID_CURSOR, INVALID_PAGE_SIZE or INVALID_OWNERS."""
        size, key = _place_of(wanted, first, after)
        found = await self._approvals.history(wanted, key, size + 1)
        shown = found.rows[:size]
        return Page(shown, [cursors.encode(*row.approval.sort_key) for row in shown], len(found.rows) > size, found.at)


def _place_of(wanted: ApprovalFilter, first: int, after: str) -> tuple[int, Sequence[int] | None]:
    if not 1 <= len(wanted.owners) <= OWNERS_LIMIT:
        raise InvalidArgument("INVALID_OWNERS", f"name 1 to {OWNERS_LIMIT} owners")
    size = cursors.page_size(first)
    key = cursors.decode_numbers(after, len(_CURSOR_LIMITS))
    if key is not None and not all(0 <= k <= limit for k, limit in zip(key, _CURSOR_LIMITS, strict=True)):
        raise InvalidArgument("INVALID_CURSOR", "use a cursor exactly as an earlier page gave it")
    return size, key
