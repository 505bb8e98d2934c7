"""Auth's stores and keys by themselves: limits that slide, keys that are shared and rotate, Redis that is away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from mercato.kit import redis
from mercato.kit.errors import FailedPrecondition, RateLimited, Unauthenticated, Unavailable
from mercato.kit.ids import Address, ChainId, SessionId, UserId, new_id
from mercato.kit.logging import get_logger
from mercato.kit.postgres import Database
from mercato.kit.redis import Redis
from mercato.kit.settings import Settings
from mercato.services.auth.model.admins import Admins
from mercato.services.auth.model.nonces import Nonce, new_nonce
from mercato.services.auth.model.sessions import SIGNED_IN, Client, Evidence, Lifetimes, LoginEvent, Proof, Session
from mercato.services.auth.model.tokens import SigningKey, new_refresh_token, refresh_token_hash
from mercato.services.auth.rpc.servicer import user_logged_in
from mercato.services.auth.store.keys import KeyStore
from mercato.services.auth.store.limits import RateLimiter
from mercato.services.auth.store.nonces import NonceStore
from mercato.services.auth.store.sessions import SessionStore
from mercato.services.auth.usecases.keys import KeyRing
from mercato.services.auth.usecases.ports import Ownership
from mercato.services.auth.usecases.sessions import Refresh
from mercato.services.auth.usecases.tokens import TokenMint

LOG = get_logger("auth")
ADDRESS = Address(bytes(range(20)))
DOMAIN = "localhost:8080"
HOUR = timedelta(hours=1)
ACCESS_TTL = timedelta(minutes=15)


@pytest.fixture
async def nobody(settings: Settings) -> AsyncIterator[Redis]:
    """A Redis that does not answer."""
    async with redis.connected(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})) as client:
        yield client


async def admitted(limiter: RateLimiter, who: dict[str, str]) -> bool:
    try:
        await limiter.charge(who)
    except RateLimited:
        return False
    return True


# ---- limits ------------------------------------------------------------------------------------


async def test_as_many_as_the_limit_get_in_at_once_and_no_more(cache: Redis) -> None:
    limiter = RateLimiter(cache, 10, 10, LOG)
    who = {"ip": str(new_id())}
    outcomes = await asyncio.gather(*(admitted(limiter, who) for _ in range(50)))
    assert sum(outcomes) == 10


async def test_the_window_slides_and_whoever_waits_as_told_gets_in(cache: Redis) -> None:
    limiter = RateLimiter(cache, 2, 2, LOG, window=1.0)
    who = {"ip": str(new_id())}
    await limiter.charge(who)
    await asyncio.sleep(0.5)
    await limiter.charge(who)
    for _ in range(5):
        with pytest.raises(RateLimited) as error:
            await limiter.charge(who)
        assert error.value.details == {"retry_after": "1"}
    await asyncio.sleep(0.55)
    assert [await admitted(limiter, who) for _ in range(2)] == [True, False]


async def test_a_request_refused_for_one_of_its_values_counts_against_none(cache: Redis) -> None:
    limiter = RateLimiter(cache, 1, 1, LOG)
    ip, busy, free = (str(new_id()) for _ in range(3))
    await limiter.charge({"address": busy})
    assert not await admitted(limiter, {"ip": ip, "address": busy})
    assert await admitted(limiter, {"ip": ip, "address": free})


async def test_one_network_alone_does_not_spend_what_a_wallet_has(cache: Redis) -> None:
    limiter = RateLimiter(cache, 3, 6, LOG)
    wallet, attacker, owner = (str(new_id()) for _ in range(3))
    flood = [await admitted(limiter, {"ip": attacker, "address": wallet}) for _ in range(9)]
    assert flood == [True] * 3 + [False] * 6
    assert await admitted(limiter, {"ip": owner, "address": wallet})


async def test_a_wallet_asked_for_from_everywhere_is_let_in_where_it_signed_in_lately(cache: Redis) -> None:
    limiter = RateLimiter(cache, 3, 6, LOG)
    wallet, home = str(new_id()), str(new_id())
    await limiter.trust(home, wallet)
    flood = [await admitted(limiter, {"ip": str(new_id()), "address": wallet}) for _ in range(9)]
    assert flood == [True] * 6 + [False] * 3
    assert [await admitted(limiter, {"ip": home, "address": wallet}) for _ in range(4)] == [True] * 3 + [False]
    assert not await admitted(limiter, {"ip": str(new_id()), "address": wallet})
    assert await admitted(limiter, {"ip": str(new_id()), "address": str(new_id())})
    assert 29 * 86400 < await cache.ttl(f"rate:auth:known:{wallet} {home}") <= 30 * 86400


async def test_a_caller_without_a_value_is_not_counted(cache: Redis) -> None:
    limiter = RateLimiter(cache, 1, 1, LOG)
    assert [await admitted(limiter, {"ip": ""}) for _ in range(3)] == [True] * 3


async def test_while_redis_is_away_everybody_gets_in(nobody: Redis) -> None:
    limiter = RateLimiter(nobody, 1, 1, LOG)
    assert [await admitted(limiter, {"ip": "10.0.0.1"}) for _ in range(3)] == [True] * 3


# ---- nonces and sessions without Redis ---------------------------------------------------------


def session() -> Session:
    now = datetime.now(UTC)
    return Session(
        SessionId(new_id()),
        UserId(new_id()),
        ADDRESS,
        ChainId(1),
        Proof.KEY,
        Client("10.0.0.1", "tests"),
        now,
        now,
        now + HOUR,
    )


async def opened(store: SessionStore, made: Session, evidence: Evidence | None = None) -> str:
    token = new_refresh_token()
    event = LoginEvent(new_id(), made.created_at, SIGNED_IN, made.client, made.user_id, made.id, ADDRESS, made.chain)
    await store.open(made, new_nonce(), refresh_token_hash(token), event, user_logged_in(made), evidence)
    return token


async def test_without_redis_a_nonce_is_still_used_once(database: Database, nobody: Redis) -> None:
    store, now = NonceStore(database, nobody, LOG), datetime.now(UTC)
    nonce = Nonce(new_nonce(), ADDRESS, ChainId(1), DOMAIN, now + HOUR)
    await store.add(nonce, now)
    assert await store.find(nonce.value) == nonce
    outcomes = await asyncio.gather(*(store.consume(nonce.value, ADDRESS, ChainId(1), DOMAIN, now) for _ in range(20)))
    assert sum(outcomes) == 1
    used = await store.find(nonce.value)
    assert used is not None
    assert used.used_at == now


async def test_a_nonce_is_consumed_only_as_it_is_bound_and_while_it_lives(database: Database, cache: Redis) -> None:
    store, now = NonceStore(database, cache, LOG), datetime.now(UTC)
    nonce = Nonce(new_nonce(), ADDRESS, ChainId(1), DOMAIN, now + HOUR)
    await store.add(nonce, now)
    assert not await store.consume(nonce.value, Address(bytes(20)), ChainId(1), DOMAIN, now)
    assert not await store.consume(nonce.value, ADDRESS, ChainId(2), DOMAIN, now)
    assert not await store.consume(nonce.value, ADDRESS, ChainId(1), "127.0.0.1", now)
    assert not await store.consume(nonce.value, ADDRESS, ChainId(1), DOMAIN, now + HOUR)
    assert await store.consume(nonce.value, ADDRESS, ChainId(1), DOMAIN, now)


async def test_the_copy_in_redis_says_what_the_database_says(database: Database, cache: Redis) -> None:
    store, now = NonceStore(database, cache, LOG), datetime.now(UTC).replace(microsecond=0)
    nonce = Nonce(new_nonce(), ADDRESS, ChainId(2**53 - 1), DOMAIN, now + HOUR)
    await store.add(nonce, now)
    assert await store.find(nonce.value) == nonce == await store.find_true(nonce.value)
    await store.consume(nonce.value, ADDRESS, nonce.chain, DOMAIN, now)
    assert await store.find(nonce.value) == await store.find_true(nonce.value) != nonce
    assert 3590 < await cache.ttl(f"siwe:nonce:{nonce.value}") <= 3601


async def test_a_copy_of_another_version_is_not_read(database: Database, cache: Redis) -> None:
    store, now = NonceStore(database, cache, LOG), datetime.now(UTC).replace(microsecond=0)
    nonce = Nonce(new_nonce(), ADDRESS, ChainId(1), DOMAIN, now + HOUR)
    await store.add(nonce, now)
    await cache.set(f"siwe:nonce:{nonce.value}", f"{ADDRESS.text} 1 {nonce.expires_at.timestamp()}  ")
    assert await store.find(nonce.value) == nonce


async def test_without_redis_the_database_says_what_was_revoked(database: Database, nobody: Redis) -> None:
    store, made = SessionStore(database, nobody, ACCESS_TTL, LOG), session()
    await opened(store, made)
    assert await store.is_revoked(made.id) is False
    await store.revoke(made.id, datetime.now(UTC), "BY_USER")
    assert await store.is_revoked(made.id) is True
    assert await store.is_revoked(SessionId(new_id())) is True


async def test_a_nonce_opens_one_session_whatever_the_code_before_does(database: Database, cache: Redis) -> None:
    store, nonce = SessionStore(database, cache, ACCESS_TTL, LOG), new_nonce()

    async def attempt() -> None:
        made = session()
        event = LoginEvent(new_id(), made.created_at, SIGNED_IN, made.client)
        await store.open(made, nonce, refresh_token_hash(new_refresh_token()), event, user_logged_in(made))

    outcomes = await asyncio.gather(*(attempt() for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(outcome, asyncpg.UniqueViolationError) for outcome in outcomes) == 4


async def test_what_has_expired_is_forgotten_and_the_rest_stays(database: Database, cache: Redis) -> None:
    sessions, nonces = SessionStore(database, cache, ACCESS_TTL, LOG), NonceStore(database, cache, LOG)
    old, young, now = session(), session(), datetime.now(UTC)
    for made in (old, young):
        await opened(sessions, made)
    await database.pool.execute("UPDATE sessions SET expires_at = '2020-01-01' WHERE id = $1", old.id)
    stale, fresh = (
        Nonce(new_nonce(), ADDRESS, ChainId(1), DOMAIN, at) for at in (datetime(2020, 1, 1, tzinfo=UTC), now + HOUR)
    )
    for nonce in (stale, fresh):
        await nonces.add(nonce, now)
    assert await sessions.purge(datetime(2021, 1, 1, tzinfo=UTC)) == 1
    assert await nonces.purge(datetime(2021, 1, 1, tzinfo=UTC)) == 1
    assert (await sessions.find(old.id), await sessions.find(young.id)) == (None, young)
    assert await nonces.find_true(stale.value) is None
    assert await nonces.find_true(fresh.value) == fresh
    assert await database.pool.fetchval("SELECT count(*) FROM login_events WHERE session_id = $1", old.id) == 1


# ---- contract wallets that are asked again ------------------------------------------------------


class Node:
    """Signatures as a chain judges them that may be away; `asked` counts the questions."""

    def __init__(self) -> None:
        self.verdict: Proof | Unavailable | None = Proof.CONTRACT
        self.asked = 0

    async def prove(self, message: str, signature: bytes, address: Address, chain: ChainId) -> Proof | None:
        assert (message, signature, address, chain) == ("what was signed", b"\1\2", ADDRESS, ChainId(1))
        self.asked += 1
        if isinstance(self.verdict, Unavailable):
            raise self.verdict
        return self.verdict


class NoWallets:
    """None that is linked."""

    async def resolve(self, address: Address, chain: ChainId, proof: Proof) -> Ownership:
        raise AssertionError(address)

    async def link(self, user_id: UserId, address: Address, chain: ChainId, proof: Proof) -> UUID:
        raise AssertionError(address)

    async def saw(self, wallet_id: UUID) -> None:
        raise AssertionError(wallet_id)


async def test_a_refresh_costs_nothing_while_the_wallet_cannot_be_asked(database: Database, cache: Redis) -> None:
    store, node, ring = (
        SessionStore(database, cache, ACCESS_TTL, LOG),
        Node(),
        KeyRing(KeyStore(database), [], HOUR, _now),
    )
    await ring.load()
    refresh = Refresh(
        sessions=store, limits=RateLimiter(cache, 100, 100, LOG), signatures=node, wallets=NoWallets(),
        mint=TokenMint(ring, "mercato", ACCESS_TTL, Admins.parse([])),
        lifetimes=Lifetimes(30 * 24 * HOUR, 7 * 24 * HOUR), clock=_now, make_id=new_id,
    )  # fmt: skip
    made, client = replace(session(), proof=Proof.CONTRACT), Client("", "tests")
    token = await opened(store, made, Evidence("what was signed", b"\1\2"))
    node.verdict = Unavailable("NODE_UNAVAILABLE", "nobody answers")
    for _ in range(2):
        with pytest.raises(Unavailable):
            await refresh.run(token, client)
    node.verdict = Proof.CONTRACT
    successor = (await refresh.run(token, client)).refresh_token
    assert node.asked == 3
    # A token that was used, and one that nobody gave out, are refused without asking anybody.
    for spent in (token, "made up", successor):
        with pytest.raises(Unauthenticated):
            await refresh.run(spent, client)
    assert node.asked == 3


def _now() -> datetime:
    return datetime.now(UTC)


# ---- keys --------------------------------------------------------------------------------------


class Hand:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def keys(database: Database) -> KeyStore:
    """No key known yet."""
    await database.pool.execute("DELETE FROM signing_keys")
    return KeyStore(database)


async def test_processes_that_start_at_once_share_one_key_and_find_it_again(keys: KeyStore) -> None:
    rings = [KeyRing(keys, [], ACCESS_TTL, Hand()) for _ in range(8)]
    await asyncio.gather(*(ring.load() for ring in rings))
    assert len({ring.signing.kid for ring in rings}) == 1
    restarted = KeyRing(keys, [], ACCESS_TTL, Hand())
    await restarted.load()
    assert restarted.signing.pem == rings[0].signing.pem


async def test_a_key_is_believed_until_what_it_signed_last_has_expired(keys: KeyStore) -> None:
    clock = Hand()
    old, new = SigningKey.generate(), SigningKey.generate()
    await KeyRing(keys, [old], ACCESS_TTL, clock).load()
    ring = KeyRing(keys, [new], ACCESS_TTL, clock)
    await ring.load()
    assert ring.signing is new
    assert (await ring.public(old.kid)).public_bytes_raw() == old.public
    clock.now += timedelta(minutes=16)
    await ring.load()
    assert (await ring.public(old.kid)).public_bytes_raw() == old.public
    clock.now += timedelta(minutes=5)
    await ring.load()
    with pytest.raises(Unauthenticated):
        await ring.public(old.kid)
    assert (await ring.public(new.kid)).public_bytes_raw() == new.public


async def test_the_private_half_of_a_configured_key_is_not_stored(keys: KeyStore, database: Database) -> None:
    configured = SigningKey.generate()
    await KeyRing(keys, [configured], ACCESS_TTL, Hand()).load()
    rows = await database.pool.fetch("SELECT kid, public_key, private_key FROM signing_keys")
    assert [tuple(row) for row in rows] == [(configured.kid, configured.public, None)]


async def test_a_retired_shared_key_is_replaced_and_still_believed(keys: KeyStore, database: Database) -> None:
    ring = KeyRing(keys, [], ACCESS_TTL, Hand())
    await ring.load()
    first = ring.signing.kid
    await database.pool.execute("UPDATE signing_keys SET retired_at = now()")
    await ring.load()
    assert ring.signing.kid != first
    assert ring.signing.kid in ring.jwks()
    assert first in ring.jwks()


async def test_a_key_of_a_newer_process_is_learned_when_its_first_token_comes(keys: KeyStore) -> None:
    clock = Hand()
    ring = KeyRing(keys, [SigningKey.generate()], ACCESS_TTL, clock)
    await ring.load()
    newer = SigningKey.generate()
    await KeyRing(keys, [newer], ACCESS_TTL, clock).load()
    with pytest.raises(Unauthenticated):  # looked up a moment ago: made-up names must not reach the database
        await ring.public(newer.kid)
    clock.now += timedelta(seconds=3)
    assert (await ring.public(newer.kid)).public_bytes_raw() == newer.public


async def test_a_key_is_rotated_without_a_token_being_refused(keys: KeyStore) -> None:
    """The three steps of a rotation by settings: published first, then signing, then the old one is taken out."""
    clock = Hand()
    old, new = SigningKey.generate(), SigningKey.generate()

    async def started(*configured: SigningKey) -> KeyRing:
        ring = KeyRing(keys, configured, ACCESS_TTL, clock)
        await ring.load()
        return ring

    await started(old)
    announcing = await started(old, new)
    assert announcing.signing is old
    assert {old.kid, new.kid} <= set(_kids(announcing))
    rotated = await started(new, old)
    assert rotated.signing is new
    assert {old.kid, new.kid} <= set(_kids(announcing)) & set(_kids(rotated))
    ended = await started(new)
    assert (await ended.public(old.kid)).public_bytes_raw() == old.public
    clock.now += ACCESS_TTL + timedelta(minutes=5)
    await ended.load()
    assert _kids(ended) == [new.kid]


async def test_a_rotated_shared_key_leaves_no_private_half_behind(keys: KeyStore, database: Database) -> None:
    clock = Hand()
    one, other = KeyRing(keys, [], ACCESS_TTL, clock), KeyRing(keys, [], ACCESS_TTL, clock)
    await one.load()
    await other.load()
    before = one.signing.kid
    assert await one.rotate() == one.signing.kid != before
    assert other.signing.kid == before  # for a minute yet, and what it signs is believed
    assert (await one.public(before)).public_bytes_raw() == other.signing.public
    await other.load()
    assert other.signing.kid == one.signing.kid
    rows = await database.pool.fetch("SELECT kid FROM signing_keys WHERE private_key IS NOT NULL")
    assert [row["kid"] for row in rows] == [one.signing.kid]


async def test_configured_keys_are_rotated_by_the_settings_alone(keys: KeyStore) -> None:
    ring = KeyRing(keys, [SigningKey.generate()], ACCESS_TTL, Hand())
    await ring.load()
    with pytest.raises(FailedPrecondition) as refusal:
        await ring.rotate()
    assert refusal.value.reason == "KEY_CONFIGURED"


def _kids(ring: KeyRing) -> list[str]:
    return [key["kid"] for key in json.loads(ring.jwks())["keys"]]
