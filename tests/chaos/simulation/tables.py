"""What the world must come to: every table that follows from the chain, by natural keys, beside a clean reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mercato.evm.logs import decode
from mercato.kit.ids import ChainId
from mercato.kit.messages import Incoming
from mercato.kit.messages import decode as decode_message
from mercato.kit.postgres import Database
from mercato.kit.rabbit import Handler
from mercato.services.indexer import messages
from mercato.services.indexer.model.raw import raw_events
from mercato.services.indexer.model.scope import Scope
from mercato.services.indexer.store.checkpoints import Checkpoints
from tests.chaos.simulation.chain import Block
from tests.chaos.simulation.raw_memory import RawEventsInMemory
from tests.integration.catalog import catalog_tables

Tables = dict[str, Any]

_QUEUES_OF = {
    "created": ("catalog.collections.created",),
    "configured": ("catalog.collections.configured",),
    "minted": ("catalog.mints.created",),
    "transferred": ("catalog.tokens.transferred", "wallets.tokens.transferred"),
    "approved": ("wallets.tokens.approved",),
    "refreshed": ("catalog.tokens.refreshed",),
}
# Which requests for documents wait depends on when tokens were seen; which blocks are known, on what was published.
_NOT_OF_THE_CHAIN = ("blocks", "metadata_requests")
_WORD = "contract, owner, operator, token_id, approved, block_number, block_hash, block_time, tx_hash, log_index"
_WALLET_TABLES = {
    "approvals": f"{_WORD}, ended_block_number, ended_block_hash, ended_log_index",
    "approvals_history": _WORD,
    "token_moves": "contract, token_id, block_number, log_index, block_hash, block_time, tx_hash",
}


async def read_cleanly(handlers: Mapping[str, Handler], chain: ChainId, blocks: Sequence[Block], scope: Scope) -> None:
    """Decodes the canonical chain and applies each kind of fact once, in order."""
    logs = [log for block in blocks for log in block.logs]
    scope.collections |= scope.created(logs).keys()
    context = messages.Context(chain, 0, catching_up=False, timestamps={b.hash: b.timestamp for b in blocks})
    for message in messages.fact_messages(context, decode(scope.admitted(logs))):
        out = message.outgoing
        incoming = Incoming(out.message_id, out.type, decode_message(out.type, out.body), {}, 1)
        for queue in _QUEUES_OF[message.kind]:
            await handlers[queue](incoming)


async def follow_up(catalog: Database, wallets: Database, chain: ChainId) -> Tables:
    """Tables of catalog and wallets."""
    found: Tables = dict(await catalog_tables.tables(catalog, chain))
    for name in _NOT_OF_THE_CHAIN:
        del found[name]
    for table, columns in _WALLET_TABLES.items():
        rows = await wallets.pool.fetch(f"SELECT {columns} FROM {table} WHERE chain_id = $1", int(chain))
        found[table] = sorted(map(tuple, rows), key=repr)
    return found


async def index(
    indexer: Database, catalog: Database, wallets: Database, raw: RawEventsInMemory, chain: ChainId,
    blocks: Sequence[Block],
) -> Tables:  # fmt: skip
    """What the indexer keeps, and where catalog and wallets say they are; `blocks` are canonical."""
    checkpoints = Checkpoints(indexer)
    orphans = await checkpoints.list_orphans(chain, 0)
    rows = [row async for row in raw.stream(chain)]
    at = await indexer.pool.fetchrow("SELECT * FROM indexer_checkpoints WHERE chain_id = $1", int(chain))
    read = await catalog.pool.fetchrow("SELECT * FROM sync_state WHERE chain_number = $1", int(chain))
    approved = await wallets.pool.fetchrow("SELECT * FROM sync_state WHERE chain_id = $1", int(chain))
    assert at is not None
    assert read is not None
    assert approved is not None
    return {
        "checkpoint": (at["block_number"], at["block_hash"], at["state"], at["reason"]),
        "sync_state": (read["block_number"], read["block_hash"]),
        "sync_state of wallets": (approved["block_number"], approved["block_hash"]),
        "followed_contracts": {bytes(address) for address in await checkpoints.list_followed(chain)},
        "events.raw": sorted(
            (r.block_number, r.block_hash, r.log_index, r.tx_hash, r.data) for r in rows if r.block_hash not in orphans
        ),
        "events.raw, without canonical flag": [
            (r.block_number, r.log_index) for r in rows if r.block_hash not in orphans and not r.canonical
        ],
        "recent_blocks and blocks beside the chain": await _beside(indexer, catalog, chain)
        - {block.hash for block in blocks},
    }


async def _beside(indexer: Database, catalog: Database, chain: ChainId) -> set[bytes]:
    recent = await indexer.pool.fetch("SELECT hash FROM recent_blocks WHERE chain_id = $1", int(chain))
    known = (await catalog_tables.tables(catalog, chain))["blocks"]
    return {row["hash"] for row in recent} | {hash_ for hash_, _ in known}


def index_of(blocks: Sequence[Block], scope: Scope) -> Tables:
    """What `index` must show for a canonical chain."""
    logs = [log for block in blocks for log in block.logs]
    created = scope.created(logs)
    scope.collections |= created.keys()
    counted = scope.admitted(logs)
    kept = raw_events(counted, decode(counted), {b.hash: b.timestamp for b in blocks})
    head = (blocks[-1].number, blocks[-1].hash)
    return {
        "checkpoint": (*head, "following", ""),
        "sync_state": head,
        "sync_state of wallets": head,
        "followed_contracts": {bytes.fromhex(text[2:]) for text in created},
        "events.raw": sorted((e.block_number, e.block_hash, e.log_index, e.tx_hash, e.data) for e in kept),
        "events.raw, without canonical flag": [],
        "recent_blocks and blocks beside the chain": set(),
    }
