"""Intents found, changed and pushed.

A change is one transaction under the row's lock. After it commits, what is new is pushed: again under the row's
lock, so that two processes that changed one intent cannot push its steps out of order, and `pushed_version` moves
only after Redis has taken them. What a crash leaves between commit and push, `push_left_over` finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from redis.exceptions import RedisError

from mercato.intents import wire
from mercato.intents.facts import Fact, InBlock, Orphaned, Refused
from mercato.intents.model import Intent
from mercato.intents.store import rows
from mercato.kit import channels, pushes
from mercato.kit.errors import Conflict, NotFound
from mercato.kit.ids import Address, ChainId, IntentId
from mercato.kit.logging import get_logger
from mercato.kit.postgres import Connection, Database, Transaction
from mercato.kit.pushes import PushLog
from mercato.kit.redis import Redis

STATUS_TTL = 24 * 3600
"""Seconds that ``intent:status:*`` outlives the last change of its intent."""

_CANDIDATES = 20
_LEFT_OVER = 100

_ORPHAN = """
INSERT INTO orphaned_blocks (chain_id, block_hash, block_number)
SELECT $1, * FROM unnest($2::bytea[], $3::bigint[]) ON CONFLICT DO NOTHING
"""
_RECIPIENTS = """
SELECT recipient FROM tx_intents WHERE chain_id = $1 AND contract = $2 AND kind <> 'CREATE_COLLECTION'
  AND state IN ('PREPARED', 'SUBMITTED', 'INCLUDED', 'CONFIRMED')
GROUP BY recipient ORDER BY max(id::text) DESC LIMIT $3
"""
_OPEN = "state IN ('PREPARED', 'SUBMITTED', 'REPLACED', 'DROPPED', 'EXPIRED')"


def status_key(intent_id: UUID) -> str:
    """Where Redis keeps the present `orchestrator.v1.Intent` of an intent, serialized."""
    return f"intent:status:{intent_id}"


class IntentStore:
    """Intents of all users. `clock` gives the time in UTC."""

    def __init__(self, database: Database, redis: Redis, log: PushLog, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._redis = redis
        self._pushes = log
        self._clock = clock
        self._log = get_logger("intents")

    # ---- reading -------------------------------------------------------------------------------

    async def get(self, intent_id: UUID, user_id: UUID) -> Intent:
        """Raises `NotFound` INTENT_NOT_FOUND, also when it is another user's: its existence is nobody's business."""
        found = await self._fetch("id = $1 AND user_id = $2", intent_id, user_id)
        if not found:
            raise NotFound("INTENT_NOT_FOUND", "you have no intent with this id; list your intents to see them")
        return found[0]

    async def list_own(self, intent_ids: Sequence[UUID], user_id: UUID) -> list[Intent]:
        """The user's among these, in no particular order."""
        return await self._fetch("id = ANY($1::uuid[]) AND user_id = $2", intent_ids, user_id)

    async def find_prepared(self, user_id: UUID, key: str, body_hash: bytes) -> Intent | None:
        """What an earlier prepare call with this key made. Raises `Conflict` IDEMPOTENCY_KEY_REUSED when that call
        had another body."""
        row = await self._database.pool.fetchrow(
            "SELECT * FROM tx_intents WHERE user_id = $1 AND idempotency_key = $2", user_id, key
        )
        if row is None:
            return None
        if row["body_hash"] != body_hash:
            raise Conflict(
                "IDEMPOTENCY_KEY_REUSED",
                "this idempotency key was used for another request; take a new key for a new intent",
                intent_id=str(row["id"]),
            )
        return rows.intent_of(row)

    async def list_of_user(self, user_id: UUID, before: UUID | None, limit: int) -> list[Intent]:
        """A user's intents, newest first, those older than `before`."""
        return await self._fetch(
            "user_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3", user_id, before, limit
        )

    async def list_claiming(self, chain_id: ChainId, tx_hash: bytes) -> list[Intent]:
        """Intents that this transaction may carry out, as somebody said; at most 20, oldest first."""
        return await self._fetch(
            f"tx_hashes @> ARRAY[$2::bytea] AND chain_id = $1 ORDER BY id LIMIT {_CANDIDATES}", chain_id, tx_hash
        )

    async def find_creating(self, chain_id: ChainId, contract: Address) -> Intent | None:
        """The intent whose collection will stand at this address."""
        found = await self._fetch("chain_id = $1 AND contract = $2 AND kind = 'CREATE_COLLECTION'", chain_id, contract)
        return found[0] if found else None

    async def list_minting(
        self, chain_id: ChainId, contract: Address, recipient: Address, tx_hash: bytes
    ) -> list[Intent]:
        """Mint intents that a mint to `recipient` may have carried out: those that claim its transaction, and those
        without a mined one; at most 20, newest first."""
        return await self._fetch(
            f"chain_id = $1 AND contract = $2 AND recipient = $3 AND kind <> 'CREATE_COLLECTION' "
            f"AND (tx_hashes @> ARRAY[$4::bytea] OR {_OPEN}) ORDER BY id DESC LIMIT {_CANDIDATES}",
            chain_id, contract, recipient, tx_hash,
        )  # fmt: skip

    async def list_recipients(self, chain_id: ChainId, contract: Address) -> list[Address]:
        """Whom mint intents under way want to give tokens of this contract; at most 20, those prepared last."""
        found = await self._database.pool.fetch(_RECIPIENTS, chain_id, contract, _CANDIDATES)
        return [Address(row["recipient"]) for row in found]

    async def list_watched(self, limit: int) -> list[Intent]:
        """Intents whose transaction a node is to be asked for, of all chains, newest first."""
        return await self._fetch("state IN ('SUBMITTED', 'INCLUDED', 'CONFIRMED') ORDER BY id DESC LIMIT $1", limit)

    async def list_overdue(self, now: datetime, limit: int) -> list[Intent]:
        """PREPARED intents past their time."""
        return await self._fetch("state = 'PREPARED' AND expires_at < $1 ORDER BY expires_at LIMIT $2", now, limit)

    # ---- changing ------------------------------------------------------------------------------

    async def add(self, intent: Intent, key: str, body_hash: bytes) -> tuple[Intent, bool]:
        """Keeps a new intent under (user, key), or returns what stands there already and False.

        Raises `Conflict` IDEMPOTENCY_KEY_REUSED. Any number of parallel calls make one row.
        """
        if await rows.insert(self._database.pool, intent, key, body_hash):
            await self.push(intent.id)
            return intent, True
        kept = await self.find_prepared(intent.user_id, key, body_hash)
        assert kept is not None  # rows are never deleted
        return kept, False

    async def learn(self, intent: Intent, facts: Iterable[Fact]) -> Intent:
        """Adds facts to an intent and pushes what follows from them; returns it as it is then."""
        async with self._database.transaction() as transaction:
            changed = await self.learn_within(transaction, intent, facts)
        await self.push(intent.id)
        return changed

    async def learn_within(self, transaction: Transaction, intent: Intent, facts: Iterable[Fact]) -> Intent:
        """As `learn`, inside a transaction of the caller, who calls `push` after its commit. Several intents of one
        transaction are to be taken in the order of their ids.

        Facts of orphaned blocks count for nothing. A transaction that is another intent's already is refused.
        """
        facts = list(facts)
        connection = transaction.connection
        hashes = [f.block_hash for f in facts if isinstance(f, InBlock)]
        # Before the row, as `orphan_within` does: the other order could deadlock with it.
        facts += await _orphaned_among(connection, intent.chain_id, hashes)
        intent = await self._lock(connection, intent.id)
        now = self._clock()
        changed = intent.learn(facts, now)
        try:
            async with connection.transaction():
                await rows.save(connection, intent, changed, now)
        except asyncpg.UniqueViolationError:
            taken = changed.standing.tx_hash
            assert taken is not None
            changed = intent.learn([*facts, Refused(taken, "it carries out another intent")], now)
            await rows.save(connection, intent, changed, now)
        return changed

    async def orphan_within(
        self, transaction: Transaction, chain_id: ChainId, blocks: Sequence[tuple[bytes, int]]
    ) -> list[IntentId]:
        """Takes every fact of these (hash, number) blocks away from the intents that have one, and remembers the
        blocks; returns the intents. The caller calls `push` for each after the commit."""
        connection = transaction.connection
        # Exclusive against `_orphaned_among`: nobody adds a fact of a block between our look and our commit.
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", _lock_name(chain_id))
        hashes = [block_hash for block_hash, _ in blocks]
        numbers = [number for _, number in blocks]
        await connection.execute(_ORPHAN, chain_id, hashes, numbers)
        now = self._clock()
        touched = []
        for intent in await self._lock_from_block(connection, chain_id, min(numbers, default=0)):
            fallen = [Orphaned(block_hash) for block_hash in hashes if block_hash in intent.blocks]
            if fallen:
                await rows.save(connection, intent, intent.learn(fallen, now), now)
                touched.append(intent.id)
        return touched

    async def restore(self, chain_id: ChainId, block_hash: bytes, block_number: int) -> None:
        """Believes in a block again, after a node showed it as canonical later than it was orphaned."""
        async with self._database.transaction() as transaction:
            connection = transaction.connection
            await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", _lock_name(chain_id))
            await connection.execute(
                "DELETE FROM orphaned_blocks WHERE chain_id = $1 AND block_hash = $2", chain_id, block_hash
            )
            standing_above = await self._lock_from_block(connection, chain_id, block_number)
            touched = [intent for intent in standing_above if Orphaned(block_hash) in intent.facts]
            now = self._clock()
            for intent in touched:
                await rows.save(connection, intent, intent.restore(block_hash, now), now)
        for intent in touched:
            await self.push(intent.id)

    # ---- pushing -------------------------------------------------------------------------------

    async def push(self, intent_id: IntentId) -> int:
        """Publishes every version not yet published, in order; returns how many. When Redis is away nothing is lost:
        `push_left_over` does it later."""
        try:
            async with self._database.transaction() as transaction:
                intent = await self._lock(transaction.connection, intent_id)
                return await self._publish(transaction.connection, intent)
        except RedisError as error:
            self._log.warning("intent cannot be pushed now", intent_id=str(intent_id), error=repr(error))
            return 0

    async def push_left_over(self) -> int:
        """Pushes what a crash left between commit and push; returns the number of intents. Raises
        `redis.RedisError`, and then nothing is marked as pushed."""
        async with self._database.transaction() as transaction:
            found = await transaction.connection.fetch(
                "SELECT * FROM tx_intents WHERE pushed_version < version ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED",
                _LEFT_OVER,
            )
            for row in found:
                await self._publish(transaction.connection, rows.intent_of(row))
        return len(found)

    async def _publish(self, connection: Connection, intent: Intent) -> int:
        snapshots = intent.snapshots()
        if not snapshots:
            return 0
        # Losing this commit in a power cut only pushes again, under the same ids.
        await connection.execute("SET LOCAL synchronous_commit = off")
        now = self._clock()
        async with self._redis.pipeline(transaction=False) as pipeline:
            for snapshot in snapshots:
                push = wire.push(snapshot, now)
                body = push.SerializeToString()
                await self._pushes.push(push.id, body, [channels.user(intent.user_id)])
                pipeline.publish(channels.intent(intent.id), pushes.plain(body))
            pipeline.set(status_key(intent.id), wire.intent(intent.present).SerializeToString(), ex=STATUS_TTL)
            await pipeline.execute()
        await connection.execute("UPDATE tx_intents SET pushed_version = version WHERE id = $1", intent.id)
        return len(snapshots)

    # ---- rows ----------------------------------------------------------------------------------

    async def _fetch(self, where: str, *arguments: Any) -> list[Intent]:
        found = await self._database.pool.fetch(f"SELECT * FROM tx_intents WHERE {where}", *arguments)
        return [rows.intent_of(row) for row in found]

    async def _lock(self, connection: Connection, intent_id: UUID) -> Intent:
        row = await connection.fetchrow("SELECT * FROM tx_intents WHERE id = $1 FOR UPDATE", intent_id)
        if row is None:
            raise NotFound("INTENT_NOT_FOUND", "there is no intent with this id")
        return rows.intent_of(row)

    async def _lock_from_block(self, connection: Connection, chain_id: ChainId, number: int) -> list[Intent]:
        """Every intent with a fact on a block of this number or above, locked in the order of ids."""
        found = await connection.fetch(
            "SELECT * FROM tx_intents WHERE chain_id = $1 AND top_block >= $2 ORDER BY id FOR UPDATE", chain_id, number
        )
        return [rows.intent_of(row) for row in found]


def _lock_name(chain_id: ChainId) -> str:
    return f"orphaned_blocks {chain_id.caip2}"


async def _orphaned_among(connection: Connection, chain_id: ChainId, hashes: Sequence[bytes]) -> list[Fact]:
    if not hashes:
        return []
    await connection.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))", _lock_name(chain_id))
    found = await connection.fetch(
        "SELECT block_hash FROM orphaned_blocks WHERE chain_id = $1 AND block_hash = ANY($2)", chain_id, hashes
    )
    return [Orphaned(row["block_hash"]) for row in found]
