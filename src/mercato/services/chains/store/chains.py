"""chain_registry_db, and the copies of whole chains that Redis keeps under their version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import msgspec
from redis.exceptions import RedisError

from mercato.kit.ids import Address, ChainId, Wei
from mercato.kit.logging import get_logger
from mercato.kit.postgres import Connection, Database
from mercato.kit.redis import Redis
from mercato.services.chains.model.chains import Chain, ChainSpec, Contract, Endpoint, GasPolicy, IndexScope
from mercato.services.chains.model.edits import Action, Edit, Instruction, check_version
from mercato.services.chains.store import audit
from mercato.services.chains.store.vault import Vault

CACHE_TTL = 24 * 3600
"""Seconds; a version never changes, so this only clears away old ones."""

_PUT_CHAIN = """
INSERT INTO chains (chain_id, name, currency_symbol, currency_decimals, explorer_url, enabled, scope, start_block,
  version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (chain_id) DO UPDATE SET (name, currency_symbol, currency_decimals, explorer_url, enabled, scope,
  start_block, version, updated_at) = ($2, $3, $4, $5, $6, $7, $8, $9, now())
"""
_PUT_ENDPOINT = """
INSERT INTO chain_endpoints (chain_id, url, priority, weight, headers, ws_url) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (chain_id, url) DO UPDATE SET (priority, weight, headers, ws_url) = ($3, $4, $5, $6)
"""
_PUT_CONTRACT = """
INSERT INTO chain_contracts (chain_id, kind, address, deployed_block) VALUES ($1, $2, $3, $4)
ON CONFLICT (chain_id, kind, address) DO UPDATE SET deployed_block = $4
"""
_PUT_GAS_POLICY = """
INSERT INTO chain_gas_policy (chain_id, base_fee_multiplier_percent, max_priority_fee, max_fee_cap,
  gas_limit_margin_percent, confirmations, finality_depth) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (chain_id) DO UPDATE SET (base_fee_multiplier_percent, max_priority_fee, max_fee_cap,
  gas_limit_margin_percent, confirmations, finality_depth) = ($2, $3, $4, $5, $6, $7)
"""


def cache_key(chain_id: ChainId, version: int) -> str:
    """Where Redis keeps one version of one chain."""
    return f"cache:chains:{chain_id.caip2}:{version}"


class ChainStore:
    """Chains with all that hangs on them. Redis only spares reads: without it everything still works."""

    def __init__(self, database: Database, redis: Redis, vault: Vault) -> None:
        self._database = database
        self._redis = redis
        self._vault = vault
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

    async def write(self, edit: Edit, instruction: Instruction) -> None:
        """Applies an edit, bumps the version and writes the audit, all in one transaction; nothing of it when the edit
        changes nothing. Raises `Conflict` CHAIN_CHANGED, and what the edit raises."""
        chain_id = edit.chain_id
        async with self._database.transaction() as transaction:
            connection = transaction.connection
            # Writers of one chain take turns, those that add it included: there is no row yet that they could lock.
            await connection.execute("SELECT pg_advisory_xact_lock($1)", chain_id)
            before = (await self._rows(connection, [chain_id])).get(chain_id)
            check_version(chain_id, before, instruction.expected_version)
            applied = edit.apply(before)
            if applied == before:
                return
            after = replace(applied, version=applied.version + 1)
            await self._save(connection, before, after)
            action = edit.action if before else Action.CHAIN_ADDED
            await audit.append(connection, action, before, after, instruction)

    async def _save(self, connection: Connection, before: Chain | None, after: Chain) -> None:
        spec, chain_id = after.spec, after.spec.chain_id
        await connection.execute(
            _PUT_CHAIN, chain_id, spec.name, spec.currency_symbol, spec.currency_decimals, spec.explorer_url,
            spec.enabled, spec.scope.value, spec.start_block, after.version,
        )  # fmt: skip
        if before is None or before.gas_policy != after.gas_policy:
            await connection.execute(_PUT_GAS_POLICY, chain_id, *_policy_columns(after.gas_policy))
        urls = {e.url for e in after.endpoints}
        for endpoint in before.endpoints if before else ():
            if endpoint.url not in urls:
                await connection.execute(
                    "DELETE FROM chain_endpoints WHERE chain_id = $1 AND url = $2", chain_id, endpoint.url
                )
        for endpoint in after.endpoints:
            if before is None or endpoint not in before.endpoints:
                sealed = self._vault.seal(endpoint.headers, _place(chain_id, endpoint))
                await connection.execute(
                    _PUT_ENDPOINT, chain_id, endpoint.url, endpoint.priority, endpoint.weight, sealed, endpoint.ws_url
                )
        await _save_contracts(connection, before, after)

    async def _load(self, chain_ids: Sequence[ChainId]) -> dict[ChainId, Chain]:
        """From the database, all parts from one snapshot, so that a version never gets another one's content."""
        async with (
            self._database.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            return await self._rows(connection, chain_ids)

    async def _rows(self, connection: Connection, chain_ids: Sequence[ChainId]) -> dict[ChainId, Chain]:
        chains = await connection.fetch("SELECT * FROM chains WHERE chain_id = ANY($1)", chain_ids)
        endpoints = await connection.fetch(
            "SELECT * FROM chain_endpoints WHERE chain_id = ANY($1) ORDER BY priority, weight DESC, url", chain_ids
        )
        contracts = await connection.fetch(
            "SELECT * FROM chain_contracts WHERE chain_id = ANY($1) ORDER BY kind, address", chain_ids
        )
        policies = await connection.fetch("SELECT * FROM chain_gas_policy WHERE chain_id = ANY($1)", chain_ids)
        found = (
            Chain(
                _spec(row),
                row["version"],
                tuple(_endpoint(e) for e in endpoints if e["chain_id"] == row["chain_id"]),
                tuple(_contract(c) for c in contracts if c["chain_id"] == row["chain_id"]),
                next(_policy(p) for p in policies if p["chain_id"] == row["chain_id"]),
            )
            for row in chains
        )
        return {chain.spec.chain_id: self._opened(chain) for chain in found}

    def _opened(self, chain: Chain) -> Chain:
        return _with_headers(chain, self._vault.open)

    def _sealed(self, chain: Chain) -> Chain:
        return _with_headers(chain, self._vault.seal)

    async def _cached(self, versions: dict[ChainId, int]) -> dict[ChainId, Chain]:
        if not versions:
            return {}
        keys = [cache_key(chain_id, version) for chain_id, version in versions.items()]
        try:
            bodies = await self._redis.mget(keys)
            return {
                chain_id: self._opened(msgspec.json.decode(body, type=Chain, dec_hook=_from_plain))
                for chain_id, body in zip(versions, bodies, strict=True)
                if body is not None
            }
        except (RedisError, msgspec.ValidationError, msgspec.DecodeError) as error:
            self._log.warning("cached chains cannot be read; reading the database", error=repr(error))
            return {}

    async def _cache(self, chains: Iterable[Chain]) -> None:
        try:
            for chain in chains:
                body = msgspec.json.encode(self._sealed(chain), enc_hook=_to_plain)
                await self._redis.set(cache_key(chain.spec.chain_id, chain.version), body, ex=CACHE_TTL)
        except RedisError as error:
            self._log.warning("chains cannot be cached", error=repr(error))


async def _save_contracts(connection: Connection, before: Chain | None, after: Chain) -> None:
    """First what goes, then what comes: of most kinds there is one."""
    chain_id = after.spec.chain_id
    for contract in before.contracts if before else ():
        if contract not in after.contracts:
            await connection.execute(
                "DELETE FROM chain_contracts WHERE chain_id = $1 AND kind = $2 AND address = $3",
                chain_id, contract.kind, contract.address,
            )  # fmt: skip
    for contract in after.contracts:
        if before is None or contract not in before.contracts:
            await connection.execute(_PUT_CONTRACT, chain_id, contract.kind, contract.address, contract.deployed_block)


def _with_headers(chain: Chain, change: Callable[[Mapping[str, str], str], Mapping[str, str]]) -> Chain:
    """The chain with each endpoint's headers as `change` gives them."""
    endpoints = tuple(replace(e, headers=change(e.headers, _place(chain.spec.chain_id, e))) for e in chain.endpoints)
    return replace(chain, endpoints=endpoints)


def _place(chain_id: ChainId, endpoint: Endpoint) -> str:
    """Where sealed headers belong; at another endpoint they do not open."""
    return f"{int(chain_id)} {endpoint.url}"


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
