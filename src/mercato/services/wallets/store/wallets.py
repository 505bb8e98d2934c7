"""Links of addresses to users in PostgreSQL, when each was last seen in Redis ``wallet:last-seen:{wallet}``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
from redis.exceptions import RedisError

from mercato.kit.errors import Conflict, NotFound
from mercato.kit.ids import Address, ChainId, UserId
from mercato.kit.logging import Logger
from mercato.kit.messages import Outgoing
from mercato.kit.postgres import Connection, Database
from mercato.kit.redis import Redis
from mercato.services.wallets.model import (
    Claim,
    Holding,
    Occasion,
    Ownership,
    Proof,
    Wallet,
    check_claim,
    check_room,
    heir,
    holder,
    known_holder,
)

_SEEN_TTL = 90 * 86400

_COLUMNS = "id, user_id, address, chain_id, is_primary, linked_at"
_FIND = f"SELECT {_COLUMNS} FROM wallets WHERE user_id = $1 AND address = $2 AND chain_id = $3"
_LIST = f"""
SELECT {_COLUMNS} FROM wallets WHERE user_id = ANY($1::uuid[])
ORDER BY user_id, is_primary DESC, linked_at, id
"""
# "First", "last" and "primary" are about all wallets of a user, so changes of one user's wallets go one by one.
_LOCK_USER = "SELECT pg_advisory_xact_lock(hashtextextended('wallets ' || $1::uuid::text, 0))"
# Whether one claim goes with another is more than an index can say, so claims of one address go one by one as well.
_LOCK_ADDRESS = "SELECT pg_advisory_xact_lock(hashtextextended('address ' || encode($1, 'hex'), 0))"
_HOLDINGS = "SELECT user_id, chain_id FROM address_owners WHERE address = $1 ORDER BY verified_at, chain_id"
_CLAIM = """
INSERT INTO address_owners (address, chain_id, user_id, verified_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (address, chain_id) DO NOTHING
"""
_BY_KEY = 0  # of chain_id: on every chain
_INSERT = f"""
INSERT INTO wallets (id, user_id, address, chain_id, is_primary, linked_at)
VALUES ($1, $2, $3, $4, NOT EXISTS (SELECT FROM wallets WHERE user_id = $2), $5) RETURNING {_COLUMNS}
"""
_RELEASE = f"""
DELETE FROM address_owners owner WHERE address = $1 AND user_id = $2 AND NOT EXISTS (
    SELECT FROM wallets WHERE wallets.address = owner.address AND wallets.user_id = owner.user_id
    AND owner.chain_id IN ({_BY_KEY}, wallets.chain_id)
)
"""
_DEPART = """
INSERT INTO departures (address, user_id, left_at) VALUES ($1, $2, $3)
ON CONFLICT (address, user_id) DO UPDATE SET left_at = excluded.left_at
"""
_HAS_LEFT = "SELECT EXISTS (SELECT FROM departures WHERE address = $1 AND user_id = $2)"
_COME_BACK = "DELETE FROM departures WHERE address = $1 AND user_id = $2"
_RESOLVE = """
SELECT ARRAY(SELECT user_id FROM address_owners WHERE address = $1 ORDER BY verified_at, chain_id) AS owners,
       ARRAY(SELECT chain_id FROM address_owners WHERE address = $1 ORDER BY verified_at, chain_id) AS chains,
       ARRAY(SELECT user_id FROM departures WHERE address = $1 ORDER BY left_at, user_id) AS left_users,
       ARRAY(SELECT id FROM wallets WHERE address = $1 ORDER BY linked_at, id) AS links
"""
_DEMOTE = "UPDATE wallets SET is_primary = false WHERE user_id = $1 AND is_primary"
_PROMOTE = "UPDATE wallets SET is_primary = true WHERE id = $1"


class WalletStore:
    def __init__(
        self,
        database: Database,
        redis: Redis,
        linked: Callable[[Wallet], Outgoing],
        unlinked: Callable[[Wallet, datetime], Outgoing],
        log: Logger,
    ) -> None:
        self._database = database
        self._redis = redis
        self._linked = linked
        self._unlinked = unlinked
        self._log = log

    async def find(self, user_id: UserId, address: Address, chain: ChainId) -> Wallet | None:
        row = await self._database.pool.fetchrow(_FIND, user_id, address, int(chain))
        return None if row is None else _from_row(row)

    async def link(self, claim: Claim, wallet_id: UUID, now: datetime) -> tuple[Wallet, bool]:
        """The wallet, and whether this call made it; only then is it announced.

        The first wallet of a user is primary. Raises `Conflict` WALLET_OF_ANOTHER_USER, CONTRACT_ON_OTHER_CHAIN or, on
        a sign-in, WALLET_UNLINKED, and `FailedPrecondition` TOO_MANY_WALLETS.
        """
        user_id, address, chain = claim.user_id, claim.address, claim.chain
        async with self._database.transaction() as tx:
            wallets = await _locked(tx.connection, user_id)
            same = [wallet for wallet in wallets if wallet.address == address]
            for wallet in same:
                if wallet.chain == chain:
                    return wallet, False
            await tx.connection.execute(_LOCK_ADDRESS, address)
            holdings = [_holding(*row) for row in await tx.connection.fetch(_HOLDINGS, address)]
            check_claim(claim, holdings, {wallet.chain for wallet in same})
            check_room(wallets, claim.occasion)
            await _come_back(tx.connection, claim)
            scope = _BY_KEY if claim.proof is Proof.KEY else int(chain)
            await tx.connection.execute(_CLAIM, address, scope, user_id, now)
            made = _from_row(await tx.connection.fetchrow(_INSERT, wallet_id, user_id, address, int(chain), now))
            tx.publish(self._linked(made))
        return made, True

    async def resolve(self, address: Address, shown: tuple[ChainId, Proof] | None = None) -> Ownership:
        """Whose an address is to whoever has `shown` it, by a proof on a chain. Whoever has it on another chain by
        another contract counts with the users who left it: none of them is to be entered."""
        row = await self._database.pool.fetchrow(_RESOLVE, address)
        assert row is not None, "a SELECT of values has one row"
        holdings = [_holding(*pair) for pair in zip(row["owners"], row["chains"], strict=True)]
        owner = known_holder(holdings) if shown is None else holder(holdings, *shown)
        strangers = [] if owner is not None else [holding.user_id for holding in holdings]
        left = tuple(dict.fromkeys([*row["left_users"], *strangers]))
        return Ownership(owner, left, tuple(row["links"]))

    async def unlink(self, user_id: UserId, wallet_id: UUID, now: datetime) -> Wallet:
        """The wallet that is gone; once it is gone from every chain, signing in with its address does not bring it
        back. The commit announces it. Raises `NotFound` WALLET_NOT_FOUND or `FailedPrecondition` LAST_WALLET."""
        async with self._database.transaction() as tx:
            wallets = await _locked(tx.connection, user_id)
            leaving = _own(wallets, wallet_id)
            successor = heir(wallets, leaving)
            await tx.connection.execute("DELETE FROM wallets WHERE id = $1", leaving.id)
            await tx.connection.execute(_RELEASE, leaving.address, user_id)
            if all(wallet.address != leaving.address for wallet in wallets if wallet.id != leaving.id):
                await tx.connection.execute(_DEPART, leaving.address, user_id, now)
            if successor is not None:
                await tx.connection.execute(_PROMOTE, successor.id)
            tx.publish(self._unlinked(leaving, now))
        return leaving

    async def set_primary(self, user_id: UserId, wallet_id: UUID) -> Wallet:
        """Raises `NotFound` WALLET_NOT_FOUND."""
        async with self._database.transaction() as tx:
            chosen = _own(await _locked(tx.connection, user_id), wallet_id)
            await tx.connection.execute(_DEMOTE, user_id)
            await tx.connection.execute(_PROMOTE, chosen.id)
        return replace(chosen, primary=True)

    async def list_of(self, user_ids: Sequence[UserId]) -> list[Wallet]:
        """Wallets of users, each user's primary first, with the time each was last seen."""
        wallets = [_from_row(row) for row in await self._database.pool.fetch(_LIST, user_ids)]
        return await self._with_last_seen(wallets)

    async def saw(self, wallet_id: UUID, now: datetime) -> None:
        """Notes that the wallet was here; lost without harm."""
        try:
            await self._redis.set(_key(wallet_id), str(now.timestamp()), ex=_SEEN_TTL)
        except (RedisError, OSError) as error:
            self._log.warning("last seen not written", error=repr(error))

    async def _with_last_seen(self, wallets: list[Wallet]) -> list[Wallet]:
        if not wallets:
            return wallets
        try:
            times = await self._redis.mget([_key(wallet.id) for wallet in wallets])
        except (RedisError, OSError) as error:
            self._log.warning("last seen not read", error=repr(error))
            return wallets
        return [
            wallet if seen is None else replace(wallet, last_seen_at=datetime.fromtimestamp(float(seen), UTC))
            for wallet, seen in zip(wallets, times, strict=True)
        ]


def _key(wallet_id: UUID) -> str:
    return f"wallet:last-seen:{wallet_id}"


async def _locked(connection: Connection, user_id: UserId) -> list[Wallet]:
    await connection.execute(_LOCK_USER, user_id)
    return [_from_row(row) for row in await connection.fetch(_LIST, [user_id])]


async def _come_back(connection: Connection, claim: Claim) -> None:
    """Only the user's own wish brings back a wallet that was unlinked: whoever has its key could sign in with it."""
    if claim.occasion is Occasion.LINK:
        await connection.execute(_COME_BACK, claim.address, claim.user_id)
    elif await connection.fetchval(_HAS_LEFT, claim.address, claim.user_id):
        raise Conflict("WALLET_UNLINKED", f"{claim.address} was unlinked from this user; link it again first")


def _holding(user_id: UserId, chain_id: int) -> Holding:
    return Holding(user_id, None if chain_id == _BY_KEY else ChainId(chain_id))


def _own(wallets: Sequence[Wallet], wallet_id: UUID) -> Wallet:
    for wallet in wallets:
        if wallet.id == wallet_id:
            return wallet
    raise NotFound("WALLET_NOT_FOUND", "you have no such wallet; list your wallets for their ids")


def _from_row(row: asyncpg.Record | None) -> Wallet:
    assert row is not None, "the row is locked by this transaction"
    return Wallet(
        row["id"],
        row["user_id"],
        Address(row["address"]),
        ChainId(row["chain_id"]),
        row["is_primary"],
        row["linked_at"],
    )
