"""What a set of movements adds up to, per token, balance, holder and collection.

Sums and latest-by-position commute, so folding the new movements of a message onto the tables gives the same as
folding all of history at once; a retraction folds the movements it took away, and subtracts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

K = TypeVar("K")


class Movement(NamedTuple):
    """A transfer whose block and collection are known here; the fields are the columns of its row."""

    block_ref: int
    collection_ref: int
    log_index: int
    batch_index: int
    token_id: str
    sender: bytes | None
    recipient: bytes | None
    tx_hash: bytes
    operator: bytes | None
    amount: int | None


class NewTokens(NamedTuple):
    """Tokens of a collection seen for the first time; `token_ids` only where they were asked for."""

    number: int
    token_ids: Sequence[str]


@dataclass(slots=True)
class TokenFold:
    """`last` is where an ERC-721 token went last, `supply` ERC-1155 units minted less burned."""

    last: Movement | None = None
    minted_block_ref: int | None = None
    supply: int = 0


@dataclass(slots=True)
class Sum:
    """Units in less units out, over `moves` transfers, the highest of them in `last_block_ref`."""

    units: int = 0
    moves: int = 0
    last_block_ref: int = 0

    def negated(self) -> Sum:
        """What takes this sum away again."""
        return Sum(-self.units, -self.moves, self.last_block_ref)


@dataclass(slots=True)
class CollectionFold:
    """`supply` is units minted less burned, an ERC-721 token being one; `multi` says that ERC-1155 units moved."""

    supply: int = 0
    multi: bool = False


@dataclass(slots=True)
class Fold:
    """Tokens by (collection_ref, token id), balances by (…, …, account), holders by (collection_ref, account)."""

    tokens: dict[tuple[int, str], TokenFold] = field(default_factory=dict)
    balances: dict[tuple[int, str, bytes], Sum] = field(default_factory=dict)
    holders: dict[tuple[int, bytes], Sum] = field(default_factory=dict)
    collections: dict[int, CollectionFold] = field(default_factory=dict)


def fold(movements: Iterable[Movement]) -> Fold:
    """Adds up movements that are all different, in any order."""
    folded = Fold()
    tokens, collections = folded.tokens, folded.collections
    # Rows are unpacked and sums found in place: this loop runs for every transfer of a chain's history.
    for move in movements:
        block_ref, collection_ref, _, _, token_id, sender, recipient, _, _, amount = move
        units = 1 if amount is None else amount
        token = tokens.get(key := (collection_ref, token_id)) or tokens.setdefault(key, TokenFold())
        collection = collections.get(collection_ref) or collections.setdefault(collection_ref, CollectionFold())
        if sender is None:
            collection.supply += units
            token.supply += amount or 0
            if token.minted_block_ref is None or block_ref < token.minted_block_ref:
                token.minted_block_ref = block_ref
        else:
            _add(folded.holders, (collection_ref, sender), -units, block_ref)
        if recipient is None:
            collection.supply -= units
            token.supply -= amount or 0
        else:
            _add(folded.holders, (collection_ref, recipient), units, block_ref)
        if amount is None:
            _take_over(token, move)
        else:
            collection.multi = True
            _add_balances(folded.balances, move, amount)
    return folded


def _add(sums: dict[K, Sum], key: K, units: int, block_ref: int) -> None:
    total = sums.get(key) or sums.setdefault(key, Sum())
    total.units += units
    total.moves += 1
    total.last_block_ref = max(total.last_block_ref, block_ref)


def _add_balances(balances: dict[tuple[int, str, bytes], Sum], move: Movement, amount: int) -> None:
    for account, units in ((move.sender, -amount), (move.recipient, amount)):
        if account is not None:
            _add(balances, (move.collection_ref, move.token_id, account), units, move.block_ref)


def _take_over(token: TokenFold, move: Movement) -> None:
    """The first four fields of a movement are its position, and the collection, which is the same here."""
    if token.last is None or move[:4] > token.last[:4]:
        token.last = move
