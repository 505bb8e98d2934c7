"""Wallets and approvals: links that were proven by signature, and rights that chain events gave or took."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from mercato.kit.errors import Conflict, FailedPrecondition
from mercato.kit.finality import Finality
from mercato.kit.ids import ZERO_ADDRESS, Address, ChainId, TokenId, UserId


@dataclass(frozen=True)
class Wallet:
    """An address of a user on a chain; `last_seen_at` is None when it is not known."""

    id: UUID
    user_id: UserId
    address: Address
    chain: ChainId
    primary: bool
    linked_at: datetime
    last_seen_at: datetime | None = None


class Occasion(Enum):
    """Why an address was proven."""

    SIGN_IN = "SIGN_IN"
    LINK = "LINK"


class Proof(Enum):
    """How the owner of an address was proven."""

    KEY = "KEY"
    CONTRACT = "CONTRACT"


@dataclass(frozen=True)
class Claim:
    """That an address is a user's, shown on a chain."""

    user_id: UserId
    address: Address
    chain: ChainId
    proof: Proof
    occasion: Occasion = Occasion.SIGN_IN


@dataclass(frozen=True)
class Holding:
    """That an address is a user's: on one chain, by the contract that stands there, or on all, by its key (`chain` is
    None)."""

    user_id: UserId
    chain: ChainId | None


def holder(holdings: Sequence[Holding], chain: ChainId, proof: Proof) -> UserId | None:
    """Whose an address is to whoever proved it so on a chain; `holdings` are in the order in which they were proven.

    A key rules its address on every chain. A contract speaks for it on its own chain alone (ERC-1271), since on
    another one somebody else may have deployed to the same address: its holder there is somebody else to us.
    """
    by_chain = {holding.chain: holding.user_id for holding in holdings}
    by_key = by_chain.get(None)
    if proof is Proof.CONTRACT:
        return by_chain.get(chain, by_key)
    return by_key or next((holding.user_id for holding in holdings), None)


def known_holder(holdings: Collection[Holding]) -> UserId | None:
    """Whose an address is when nothing was proven: its key's, or else the one user who has it; None when on several
    chains several users have it by contracts."""
    users = {h.user_id for h in holdings if h.chain is None} or {h.user_id for h in holdings}
    return users.pop() if len(users) == 1 else None


def check_claim(claim: Claim, holdings: Collection[Holding], linked_on: Collection[ChainId]) -> None:
    """`linked_on` are the chains on which the user has the address already.

    Raises `Conflict` WALLET_OF_ANOTHER_USER, or CONTRACT_ON_OTHER_CHAIN for a sign-in that is not by the key and on
    another chain: whether both contracts are one user's, only that user can say, by linking the second one.
    """
    others = [holding for holding in holdings if holding.user_id != claim.user_id]
    if claim.proof is Proof.KEY:
        taken = any(h.chain is None for h in others) or len(others) == len(holdings) > 0
    else:
        taken = any(h.chain in (None, claim.chain) for h in others)
    if taken:
        raise Conflict("WALLET_OF_ANOTHER_USER", f"{claim.address} is linked to another user; unlink it there first")
    on_other_chain = bool(linked_on) and claim.chain not in linked_on
    if claim.proof is Proof.CONTRACT and claim.occasion is Occasion.SIGN_IN and on_other_chain:
        raise Conflict(
            "CONTRACT_ON_OTHER_CHAIN",
            f"{claim.address} was linked on another chain; sign in on {min(linked_on).caip2}, and link this one then",
        )


def heir(wallets: Sequence[Wallet], leaving: Wallet) -> Wallet | None:
    """Which of a user's wallets becomes primary when one leaves: the one linked first, or None when the primary stays.

    Raises `FailedPrecondition` LAST_WALLET when nothing would be left to sign in with.
    """
    staying = [wallet for wallet in wallets if wallet.id != leaving.id]
    if not staying:
        raise FailedPrecondition("LAST_WALLET", "a user keeps at least one wallet; link another one first")
    if any(wallet.primary for wallet in staying):
        return None
    return min(staying, key=lambda wallet: (wallet.linked_at, wallet.id))


@dataclass(frozen=True)
class Ownership:
    """Whose an address is, if anybody's, by which links, and the users it was unlinked from."""

    user_id: UserId | None
    left: tuple[UserId, ...] = ()
    wallets: tuple[UUID, ...] = ()


WALLET_LIMIT = 100
"""Wallets one user may ask to link; lists of them have no pages."""


def check_room(wallets: Collection[Wallet], occasion: Occasion) -> None:
    """Raises `FailedPrecondition` TOO_MANY_WALLETS. Signing in is always let through, chain by chain."""
    if occasion is Occasion.LINK and len(wallets) >= WALLET_LIMIT:
        raise FailedPrecondition("TOO_MANY_WALLETS", f"a user links at most {WALLET_LIMIT} wallets; unlink one first")


@dataclass(frozen=True)
class Place:
    """The log that said it: a position in one fork of a chain."""

    block_number: int
    block_hash: bytes
    block_time: datetime
    tx_hash: bytes
    log_index: int


@dataclass(frozen=True)
class Approval:
    """What `owner` lets `operator` move of `contract`: all tokens, or the one `token_id` (ERC-721 Approval).

    An approval for all stands for each operator by itself. A token has one approved operator at a time: the next
    Approval takes the place of the last one, whoever it names.
    """

    chain: ChainId
    contract: Address
    owner: Address
    operator: Address
    token_id: TokenId | None
    approved: bool
    place: Place

    @classmethod
    def changed(
        cls,
        *,
        chain: ChainId,
        contract: Address,
        owner: Address,
        operator: Address,
        token_id: TokenId | None,
        approved: bool,
        place: Place,
    ) -> Approval:
        """As an event states it; the approval of nobody, ERC-721's way to take one back, approves nothing."""
        in_force = approved and operator != ZERO_ADDRESS
        return cls(chain, contract, owner, operator, token_id, in_force, place)

    @property
    def sort_key(self) -> tuple[int, int, int, int]:
        """What lists are ordered by, newest first: time of the block, since chains have no other order in common,
        then the position."""
        place = self.place
        return int(place.block_time.timestamp()), int(self.chain), place.block_number, place.log_index


class Block(NamedTuple):
    """A block, and when it was mined."""

    number: int
    hash: bytes
    time: datetime


class Moves(NamedTuple):
    """Transfers of ERC-721 tokens after their mint: the standard ends the approval of each token with them.

    There are far more of these than of anything else here, so they are columns, and token ids stay text. `at` is the
    index of each move's block.
    """

    blocks: list[Block]
    at: list[int]
    contracts: list[bytes]
    token_ids: list[str]
    log_indexes: list[int]
    tx_hashes: list[bytes]


@dataclass(frozen=True)
class Entry:
    """One word of the history: an approval or a revocation, and the transfer that ended the approval of one token."""

    approval: Approval
    ended_by: Place | None


@dataclass(frozen=True)
class ApprovalFilter:
    """Whose approvals, and which of them; None is any."""

    owners: tuple[Address, ...]
    chain: ChainId | None = None
    operator: Address | None = None
    contract: Address | None = None


@dataclass(frozen=True)
class Retraction:
    """Blocks (number by hash) that are not canonical any more since reorganisation `generation`, and the last one that
    both branches share."""

    generation: int
    orphaned: Mapping[bytes, int]
    ancestor: Block


@dataclass(frozen=True)
class Progress:
    """Every fact up to `indexed` is on its way, in the messages `after`. The statement covers what there is since
    `from_block`; 0: it says nothing of what lies before. `safe` and `finalized` are the newest blocks of that kind."""

    generation: int
    indexed: Block
    head: int
    safe: int
    finalized: int
    from_block: int
    after: Sequence[str]


class ReadPoint(NamedTuple):
    """Every approval and transfer up to this block is in the rows, and none of a branch that it is not on. `safe` and
    `finalized` are None where nothing is known since a fork."""

    chain: ChainId
    block: Block
    observed_at: datetime
    safe: int | None
    finalized: int | None

    @property
    def finality(self) -> Finality:
        """Of the block itself."""
        return Finality.of(self.block.number, self.safe, self.finalized)


R = TypeVar("R")


@dataclass(frozen=True)
class Found(Generic[R]):
    """Rows and, of the chains they speak about, the read points they are true at."""

    rows: Sequence[R]
    at: Sequence[ReadPoint]
