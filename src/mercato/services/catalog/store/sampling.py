"""Rows picked by a seed, for comparing with the chain: the same seed on the same rows picks the same ones."""

from __future__ import annotations

from dataclasses import dataclass

from mercato.kit.ids import Address
from mercato.services.catalog.store.natural import Moment

# Rows that moved above the read point are left out: at that block the chain says something else of them, rightly.
_TOKENS = """
SELECT c.contract, t.token_id::text, t.owner FROM tokens t JOIN collections c USING (collection_ref)
JOIN blocks b ON b.block_ref = t.moved_block_ref
WHERE c.chain_ref = $1 AND b.number <= $2
ORDER BY md5($3 || encode(c.contract, 'hex') || t.token_id) LIMIT $4
"""
_BALANCES = """
SELECT c.contract, t.token_id::text, t.owner, t.amount::text
FROM token_balances t JOIN collections c USING (collection_ref) JOIN blocks b ON b.block_ref = t.last_block_ref
WHERE c.chain_ref = $1 AND b.number <= $2
ORDER BY md5($3 || encode(c.contract, 'hex') || t.token_id || encode(t.owner, 'hex')) LIMIT $4
"""
_BLOCKS = """
SELECT block_ref, number, hash FROM blocks WHERE chain_ref = $1 AND number <= $2 AND NOT orphaned
ORDER BY md5($3 || encode(hash, 'hex')) LIMIT $4
"""
_TRANSFERS = """
SELECT t.block_ref, t.log_index, t.batch_index, c.contract, t.token_id::text, t.sender, t.recipient, t.amount::text,
    t.tx_hash
FROM ownership_transfers t JOIN collections c USING (collection_ref) WHERE t.block_ref = ANY($1::bigint[])
"""


@dataclass(frozen=True)
class OwnedToken:
    """An ERC-721 token; `owner` is None once it is burned."""

    contract: Address
    token_id: int
    owner: Address | None


@dataclass(frozen=True)
class HeldUnits:
    """ERC-1155 units of one token that one account holds."""

    contract: Address
    token_id: int
    owner: Address
    amount: int


@dataclass(frozen=True)
class Moved:
    """A transfer: nobody is None, `amount` is 1 for ERC-721."""

    tx_hash: bytes
    contract: Address
    token_id: int
    sender: Address | None
    recipient: Address | None
    amount: int


@dataclass(frozen=True)
class MovesOfBlock:
    """All transfers of a block, by log index and index in the log."""

    number: int
    hash: bytes
    moves: dict[tuple[int, int], Moved]


@dataclass(frozen=True)
class Sample:
    """Up to as many of each as were asked for."""

    tokens: list[OwnedToken]
    balances: list[HeldUnits]
    blocks: list[MovesOfBlock]


async def draw(moment: Moment, size: int, seed: int) -> Sample:
    """Up to `size` tokens, balances and blocks at or below the read point, which there must be."""
    assert moment.point is not None
    arguments = (moment.chain_ref, moment.point.number, str(seed), size)
    tokens = [
        OwnedToken(Address(row[0]), int(row[1]), _account(row[2]))
        for row in await moment.connection.fetch(_TOKENS, *arguments)
    ]
    balances = [
        HeldUnits(Address(row[0]), int(row[1]), Address(row[2]), int(row[3]))
        for row in await moment.connection.fetch(_BALANCES, *arguments)
    ]
    blocks = {
        row["block_ref"]: MovesOfBlock(row["number"], row["hash"], {})
        for row in await moment.connection.fetch(_BLOCKS, *arguments)
    }
    for ref, log, index, contract, token, sender, recipient, amount, tx in await moment.connection.fetch(
        _TRANSFERS, list(blocks)
    ):
        blocks[ref].moves[log, index] = Moved(
            tx, Address(contract), int(token), _account(sender), _account(recipient), int(amount or 1)
        )
    return Sample(tokens, balances, list(blocks.values()))


async def known_contracts(moment: Moment) -> frozenset[bytes]:
    """Contracts of which the catalog has a row."""
    rows = await moment.connection.fetch("SELECT contract FROM collections WHERE chain_ref = $1", moment.chain_ref)
    return frozenset(row["contract"] for row in rows)


def _account(value: bytes | None) -> Address | None:
    return None if value is None else Address(value)
