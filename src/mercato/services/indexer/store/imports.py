"""PostgreSQL indexer_db.collection_imports: contracts that are brought in by hand, and how far each is."""

from __future__ import annotations

import asyncpg

from mercato.evm.logs import Standard
from mercato.kit.ids import Address, ChainId
from mercato.kit.postgres import Database
from mercato.services.indexer.model.chain import Block, Checkpoint
from mercato.services.indexer.model.imports import CollectionImport, Contract, ImportRequest, ImportState
from mercato.services.indexer.store.checkpoints import fenced

_STANDARDS = {Standard.ERC721: 1, Standard.ERC1155: 2}
_STANDARD_OF = {number: standard for standard, number in _STANDARDS.items()}

_ADD = """
INSERT INTO collection_imports (chain_id, address, standard, name, symbol, requested_by, from_block)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (chain_id, address) DO NOTHING
"""
_LIST = """
SELECT * FROM collection_imports
WHERE ($1::bigint IS NULL OR chain_id = $1) AND ($2::bytea IS NULL OR address = $2)
    AND ($3::bigint IS NULL OR import_ref < $3)
ORDER BY import_ref DESC LIMIT $4
"""
# A factory's announcement may be taken back by a fork; an import stands.
_FOLLOW = """
INSERT INTO followed_contracts (chain_id, address, from_block, source) VALUES ($1, $2, $3, 'import')
ON CONFLICT (chain_id, address) DO UPDATE
SET source = 'import', from_block = LEAST(followed_contracts.from_block, EXCLUDED.from_block)
"""
_JOIN = """
UPDATE collection_imports SET next_block = from_block, until_block = $2, facts_published = facts_published + $3,
    state = CASE WHEN $2 < from_block THEN 'done' ELSE 'reading' END, reason = '', updated_at = now()
WHERE import_ref = $1 AND state = 'requested'
"""
_REOPEN = """
UPDATE collection_imports i SET state = 'requested', updated_at = now()
WHERE chain_id = $1 AND state <> 'requested'
    AND NOT EXISTS (SELECT FROM followed_contracts f WHERE f.chain_id = i.chain_id AND f.address = i.address)
"""
_ADVANCE = """
UPDATE collection_imports SET next_block = $3, facts_published = facts_published + $4,
    state = CASE WHEN $3 > until_block THEN 'done' ELSE 'reading' END, reason = '', updated_at = now()
WHERE import_ref = $1 AND next_block = $2 AND state = 'reading'
"""


class Imports:
    """The imports of all chains."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, request: ImportRequest, about: Contract) -> CollectionImport:
        """The import of this contract, which may be an earlier one: then nothing changes."""
        await self._database.pool.execute(
            _ADD, request.chain, request.contract, _STANDARDS[about.standard], about.name, about.symbol,
            request.requested_by, request.from_block,
        )  # fmt: skip
        found = await self.find(request.chain, request.contract)
        assert found is not None
        return found

    async def find(self, chain: ChainId, contract: Address) -> CollectionImport | None:
        found = await self.list_imports(chain, contract, 1, None)
        return found[0] if found else None

    async def list_imports(
        self, chain: ChainId | None, contract: Address | None, limit: int, before: int | None
    ) -> list[CollectionImport]:
        """Newest first, those older than the one with the key `before`; None stands for any."""
        rows = await self._database.pool.fetch(_LIST, chain, contract, before, limit)
        return [_import(row) for row in rows]

    async def list_open(self, chain: ChainId) -> list[CollectionImport]:
        """Those that are not done, oldest first."""
        rows = await self._database.pool.fetch(
            "SELECT * FROM collection_imports WHERE chain_id = $1 AND state <> 'done' ORDER BY import_ref", chain
        )
        return [_import(row) for row in rows]

    async def list_bound(self, chain: ChainId, until: int) -> list[CollectionImport]:
        """Those bound in block `until` or below, oldest first: what the read model was told of them."""
        rows = await self._database.pool.fetch(
            "SELECT * FROM collection_imports WHERE chain_id = $1 AND bound_number <= $2 ORDER BY import_ref",
            chain, until,
        )  # fmt: skip
        return [_import(row) for row in rows]

    async def reopen(self, checkpoint: Checkpoint) -> None:
        """Has those taken up again that the reader does not follow: the chain is indexed anew, or its scope changed."""
        async with fenced(self._database, checkpoint) as connection:
            await connection.execute(_REOPEN, checkpoint.chain)

    async def locate(self, wanted: CollectionImport, from_block: int) -> None:
        """Where its history begins, found once."""
        await self._database.pool.execute(
            "UPDATE collection_imports SET from_block = $2, reason = '', updated_at = now()"
            " WHERE import_ref = $1 AND from_block IS NULL",
            wanted.ref, from_block,
        )  # fmt: skip

    async def bind(self, checkpoint: Checkpoint, wanted: CollectionImport, block: Block) -> None:
        """Chooses the block it is bound in, before anybody is told."""
        async with fenced(self._database, checkpoint) as connection:
            await connection.execute(
                "UPDATE collection_imports SET bound_number = $2, bound_hash = $3, bound_timestamp = $4"
                " WHERE import_ref = $1 AND bound_hash IS NULL",
                wanted.ref, block.number, block.hash, block.timestamp,
            )  # fmt: skip

    async def follow(self, checkpoint: Checkpoint, wanted: CollectionImport, until: int, facts: int) -> None:
        """The reader reads the contract from `checkpoint` on, and has read what follows block `until`."""
        async with fenced(self._database, checkpoint) as connection:
            await connection.execute(_FOLLOW, checkpoint.chain, wanted.request.contract, wanted.from_block)
            await connection.execute(_JOIN, wanted.ref, until, facts)

    async def close(self, checkpoint: Checkpoint, wanted: CollectionImport) -> None:
        """There is nothing to read that is not read anyway."""
        async with fenced(self._database, checkpoint) as connection:
            await connection.execute(_JOIN, wanted.ref, -1, 0)

    async def advance(self, wanted: CollectionImport, next_block: int, facts: int) -> None:
        """History is read up to before `next_block`; nothing where somebody else has read on since."""
        await self._database.pool.execute(_ADVANCE, wanted.ref, wanted.next_block, next_block, facts)

    async def complain(self, wanted: CollectionImport, reason: str) -> None:
        """Why it does not get on; it is tried again."""
        await self._database.pool.execute(
            "UPDATE collection_imports SET reason = $2, updated_at = now() WHERE import_ref = $1 AND reason <> $2",
            wanted.ref, reason[:500],
        )  # fmt: skip

    async def get_generation(self, chain: ChainId) -> int:
        """Reorganisations of the chain that were retracted so far."""
        found: int | None = await self._database.pool.fetchval(
            "SELECT generation FROM indexer_checkpoints WHERE chain_id = $1", chain
        )
        return found or 0


def _import(row: asyncpg.Record) -> CollectionImport:
    chain, contract, by = ChainId(row["chain_id"]), Address(row["address"]), row["requested_by"]
    bound = Block(row["bound_number"], row["bound_hash"], row["bound_timestamp"]) if row["bound_hash"] else None
    return CollectionImport(
        ref=row["import_ref"],
        request=ImportRequest(chain, contract, row["from_block"], Address(by) if by else None),
        about=Contract(_STANDARD_OF[row["standard"]], row["name"], row["symbol"]),
        state=ImportState(row["state"]),
        reason=row["reason"],
        from_block=row["from_block"],
        bound=bound,
        next_block=row["next_block"],
        until_block=row["until_block"],
        facts_published=row["facts_published"],
        requested_at=row["requested_at"],
        updated_at=row["updated_at"],
    )
