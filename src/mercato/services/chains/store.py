"""chain_registry_db, and the copies of whole chains that Redis keeps under their version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg
import msgspec
from redis.exceptions import RedisError

from mercato.kit.errors import NotFound
from mercato.kit.ids import Address, ChainId, Wei
from mercato.kit.logging import get_logger
from mercato.kit.postgres import Connection, Database
from mercato.kit.redis import Redis
from mercato.services.chains.model import (
    CAREFUL_POLICY,
    Chain,
    ChainSpec,
    Contract,
    Endpoint,
    GasPolicy,
    IndexScope,
)

CACHE_TTL = 24 * 3600
"""Seconds; a version never changes, so this only clears away old ones."""

# Each statement changes a row only when something differs, so that repeating a write bumps no version.
_PUT_CHAIN = """
INSERT INTO chains AS c (chain_id, name, currency_symbol, currency_decimals, explorer_url, enabled, scope, start_block)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (chain_id) DO UPDATE SET (name, currency_symbol, currency_decimals, explorer_url, enabled, scope,
  start_block) = ($2, $3, $4, $5, $6, $7, $8)
WHERE (c.name, c.currency_symbol, c.currency_decimals, c.explorer_url, c.enabled, c.scope, c.start_block)
  IS DISTINCT FROM ($2, $3, $4::smallint, $5, $6, $7, $8)
"""
_PUT_ENDPOINT = """
INSERT INTO chain_endpoints AS e (chain_id, url, priority, weight, headers, ws_url) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (chain_id, url) DO UPDATE SET (priority, weight, headers, ws_url) = ($3, $4, $5, $6)
WHERE (e.priority, e.weight, e.headers, e.ws_url) IS DISTINCT FROM ($3, $4, $5::jsonb, $6)
"""
_PUT_CONTRACT = """
INSERT INTO chain_contracts AS c (chain_id, kind, address, deployed_block) VALUES ($1, $2, $3, $4)
ON CONFLICT (chain_id, kind) DO UPDATE SET (address, deployed_block) = ($3, $4)
WHERE (c.address, c.deployed_block) IS DISTINCT FROM ($3, $4)
"""
_PUT_GAS_POLICY = """
INSERT INTO chain_gas_policy AS g (chain_id, base_fee_multiplier_percent, max_priority_fee, max_fee_cap,
  gas_limit_margin_percent, confirmations, finality_depth) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (chain_id) DO UPDATE SET (base_fee_multiplier_percent, max_priority_fee, max_fee_cap,
  gas_limit_margin_percent, confirmations, finality_depth) = ($2, $3, $4, $5, $6, $7)
WHERE (g.base_fee_multiplier_percent, g.max_priority_fee, g.max_fee_cap, g.gas_limit_margin_percent, g.confirmations,
  g.finality_depth) IS DISTINCT FROM ($2, $3::numeric, $4::numeric, $5, $6, $7)
"""
_CHANGED = "INSERT 0 1"


def cache_key(chain_id: ChainId, version: int) -> str:
    """Where Redis keeps one version of one chain."""
    return f"cache:chains:{chain_id.caip2}:{version}"


class ChainStore:
    """Chains with all that hangs on them. Redis only spares reads: without it everything still works."""

    def __init__(self, database: Database, redis: Redis) -> None:
        self._database = database
        self._redis = redis
        self._log = get_logger("chains")

    async def list(self) -> list[Chain]:
        """Every chain by number: versions from the database, contents by version from Redis where it has them."""
        rows = await self._database.pool.fetch("SELECT chain_id, version FROM chains ORDER BY chain_id")
        versions = {ChainId(row["chain_id"]): row["version"] for row in rows}
        found = await self._cached(versions)
        if missing := [chain_id for chain_id in versions if chain_id not in found]:
            loaded = await self._load(missing)
            await self._cache(loaded.values())
            found |= loaded
        return [found[chain_id] for chain_id in versions if chain_id in found]

    async def put_chain(self, spec: ChainSpec) -> None:
        """Adds a chain with a careful gas policy, or changes one."""
        async with self._database.transaction() as transaction:
            connection = transaction.connection
            known = await connection.fetchval("SELECT true FROM chains WHERE chain_id = $1 FOR UPDATE", spec.chain_id)
            changed = await connection.execute(
                _PUT_CHAIN, spec.chain_id, spec.name, spec.currency_symbol, spec.currency_decimals, spec.explorer_url,
                spec.enabled, spec.scope.value, spec.start_block,
            )  # fmt: skip
            if not known:
                await connection.execute(
                    f"{_PUT_GAS_POLICY.partition('ON CONFLICT')[0]} ON CONFLICT DO NOTHING",
                    spec.chain_id, *_policy_columns(CAREFUL_POLICY),
                )  # fmt: skip
            elif changed == _CHANGED:
                await _bump(connection, spec.chain_id)

    async def put_endpoint(self, chain_id: ChainId, endpoint: Endpoint) -> None:
        """Adds an endpoint, or changes the one with this URL. Raises `NotFound` CHAIN_UNKNOWN."""
        await self._put(
            chain_id, _PUT_ENDPOINT, endpoint.url, endpoint.priority, endpoint.weight, dict(endpoint.headers),
            endpoint.ws_url,
        )  # fmt: skip

    async def put_contract(self, chain_id: ChainId, contract: Contract) -> None:
        """Sets the chain's contract of this kind. Raises `NotFound` CHAIN_UNKNOWN."""
        await self._put(chain_id, _PUT_CONTRACT, contract.kind, contract.address, contract.deployed_block)

    async def put_gas_policy(self, chain_id: ChainId, policy: GasPolicy) -> None:
        """Raises `NotFound` CHAIN_UNKNOWN."""
        await self._put(chain_id, _PUT_GAS_POLICY, *_policy_columns(policy))

    async def _put(self, chain_id: ChainId, statement: str, *columns: Any) -> None:
        async with self._database.transaction() as transaction:
            connection = transaction.connection
            # The chain's row first: writers of one chain take turns, and each bump counts one change.
            if not await connection.fetchval("SELECT true FROM chains WHERE chain_id = $1 FOR UPDATE", chain_id):
                raise NotFound("CHAIN_UNKNOWN", f"{chain_id.caip2} is not registered; put the chain first")
            if await connection.execute(statement, chain_id, *columns) == _CHANGED:
                await _bump(connection, chain_id)

    async def _load(self, chain_ids: Sequence[ChainId]) -> dict[ChainId, Chain]:
        """From the database, all parts from one snapshot, so that a version never gets another one's content."""
        async with (
            self._database.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            chains = await connection.fetch("SELECT * FROM chains WHERE chain_id = ANY($1)", chain_ids)
            endpoints = await connection.fetch(
                "SELECT * FROM chain_endpoints WHERE chain_id = ANY($1) ORDER BY priority, weight DESC, url", chain_ids
            )
            contracts = await connection.fetch(
                "SELECT * FROM chain_contracts WHERE chain_id = ANY($1) ORDER BY kind", chain_ids
            )
            policies = await connection.fetch("SELECT * FROM chain_gas_policy WHERE chain_id = ANY($1)", chain_ids)
        return {
            ChainId(row["chain_id"]): Chain(
                _spec(row),
                row["version"],
                tuple(_endpoint(e) for e in endpoints if e["chain_id"] == row["chain_id"]),
                tuple(_contract(c) for c in contracts if c["chain_id"] == row["chain_id"]),
                next(_policy(p) for p in policies if p["chain_id"] == row["chain_id"]),
            )
            for row in chains
        }

    async def _cached(self, versions: dict[ChainId, int]) -> dict[ChainId, Chain]:
        if not versions:
            return {}
        keys = [cache_key(chain_id, version) for chain_id, version in versions.items()]
        try:
            bodies = await self._redis.mget(keys)
            return {
                chain_id: msgspec.json.decode(body, type=Chain, dec_hook=_from_plain)
                for chain_id, body in zip(versions, bodies, strict=True)
                if body is not None
            }
        except (RedisError, msgspec.ValidationError, msgspec.DecodeError) as error:
            self._log.warning("cached chains cannot be read; reading the database", error=repr(error))
            return {}

    async def _cache(self, chains: Iterable[Chain]) -> None:
        try:
            for chain in chains:
                body = msgspec.json.encode(chain, enc_hook=_to_plain)
                await self._redis.set(cache_key(chain.spec.chain_id, chain.version), body, ex=CACHE_TTL)
        except RedisError as error:
            self._log.warning("chains cannot be cached", error=repr(error))


async def _bump(connection: Connection, chain_id: ChainId) -> None:
    await connection.execute(
        "UPDATE chains SET version = version + 1, updated_at = now() WHERE chain_id = $1", chain_id
    )


def _policy_columns(policy: GasPolicy) -> tuple[int, ...]:
    return (
        policy.base_fee_multiplier_percent, policy.max_priority_fee, policy.max_fee_cap,
        policy.gas_limit_margin_percent, policy.confirmations, policy.finality_depth,
    )  # fmt: skip


def _spec(row: asyncpg.Record) -> ChainSpec:
    return ChainSpec(
        ChainId(row["chain_id"]), row["name"], row["currency_symbol"], row["currency_decimals"], row["explorer_url"],
        row["enabled"], IndexScope(row["scope"]), row["start_block"],
    )  # fmt: skip


def _endpoint(row: asyncpg.Record) -> Endpoint:
    return Endpoint(row["url"], row["priority"], row["weight"], row["headers"], row["ws_url"])


def _contract(row: asyncpg.Record) -> Contract:
    return Contract(row["kind"], Address(row["address"]), row["deployed_block"])


def _policy(row: asyncpg.Record) -> GasPolicy:
    return GasPolicy(
        row["base_fee_multiplier_percent"], Wei(int(row["max_priority_fee"])), Wei(int(row["max_fee_cap"])),
        row["gas_limit_margin_percent"], row["confirmations"], row["finality_depth"],
    )  # fmt: skip


def _to_plain(value: object) -> object:
    if isinstance(value, Address):
        return value.text
    if isinstance(value, ChainId):
        return int(value)
    raise TypeError(f"a chain holds no {type(value).__name__}")


def _from_plain(kind: type, value: Any) -> object:
    return Address.parse(value) if kind is Address else kind(value)
