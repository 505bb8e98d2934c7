"""Refresh, revocation and introspection through gRPC on real servers."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING
from uuid import UUID

import jwt
import pytest
from identity_parts import Wallet, new_client, signed_in

from mercato.kit import grpc
from mercato.kit.errors import InvalidArgument, NotFound, Unauthenticated
from mercato.kit.ids import new_id
from mercato.kit.postgres import Database
from mercato.kit.redis import Redis
from mercato.kit.settings import Settings
from mercato.rpc.auth.v1 import auth_pb2 as pb
from mercato.rpc.wallets.v1.wallets_pb2 import ListWalletsRequest
from mercato.rpc.wallets.v1.wallets_pb2_grpc import WalletsServiceStub

if TYPE_CHECKING:
    from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub


async def refreshed(auth: AuthServiceAsyncStub, token: str) -> pb.TokenPair:
    return (await auth.Refresh(pb.RefreshRequest(refresh_token=token, client=new_client()))).tokens


async def refresh_refusal(auth: AuthServiceAsyncStub, token: str) -> str:
    with pytest.raises(Unauthenticated) as error:
        await refreshed(auth, token)
    return error.value.reason


async def introspected(auth: AuthServiceAsyncStub, token: str) -> str:
    """The session a token speaks for, or why it does not."""
    try:
        return (await auth.Introspect(pb.IntrospectRequest(access_token=token))).session_id
    except Unauthenticated as error:
        return error.reason


async def listed(auth: AuthServiceAsyncStub, user_id: str) -> list[str]:
    answer = await auth.ListSessions(pb.ListSessionsRequest(user_id=user_id))
    return [session.id for session in answer.sessions]


async def test_a_refresh_token_is_replaced_each_time_and_only_its_hash_is_kept(
    auth: AuthServiceAsyncStub, database: Database, wallet: Wallet
) -> None:
    answer = await signed_in(auth, wallet)
    tokens = [answer.tokens.refresh_token]
    for _ in range(3):
        pair = await refreshed(auth, tokens[-1])
        assert await introspected(auth, pair.access_token) == answer.session_id
        tokens.append(pair.refresh_token)
    assert len(set(tokens)) == 4
    rows = await database.pool.fetch(
        "SELECT token_hash, used_at FROM refresh_tokens WHERE session_id = $1", UUID(answer.session_id)
    )
    assert {row["token_hash"]: row["used_at"] is not None for row in rows} == {
        hashlib.sha256(token.encode()).digest(): token != tokens[-1] for token in tokens
    }


async def test_an_old_refresh_token_ends_the_whole_session_and_is_written_down(
    auth: AuthServiceAsyncStub, database: Database, wallet: Wallet
) -> None:
    answer = await signed_in(auth, wallet)
    pair = await refreshed(auth, answer.tokens.refresh_token)
    assert await refresh_refusal(auth, answer.tokens.refresh_token) == "REFRESH_REUSED"
    assert await introspected(auth, pair.access_token) == "SESSION_REVOKED"
    assert await refresh_refusal(auth, pair.refresh_token) == "SESSION_REVOKED"
    assert await refresh_refusal(auth, answer.tokens.refresh_token) == "SESSION_REVOKED"
    assert await listed(auth, answer.user_id) == []
    rows = await database.pool.fetch(
        "SELECT reason, succeeded FROM login_events WHERE session_id = $1 ORDER BY at", UUID(answer.session_id)
    )
    assert [tuple(row) for row in rows] == [
        ("SIGNED_IN", True), ("REFRESH_REUSED", False), ("SESSION_REVOKED", False), ("SESSION_REVOKED", False),
    ]  # fmt: skip
    revoked = await database.pool.fetchval("SELECT revoked_reason FROM sessions WHERE id = $1", UUID(answer.session_id))
    assert revoked == "REFRESH_REUSED"


async def test_of_twenty_refreshes_with_one_token_at_once_one_wins_and_the_session_ends(
    auth: AuthServiceAsyncStub, database: Database, wallet: Wallet
) -> None:
    answer = await signed_in(auth, wallet)
    outcomes = await asyncio.gather(
        *(refreshed(auth, answer.tokens.refresh_token) for _ in range(20)), return_exceptions=True
    )
    reasons = sorted(o.reason for o in outcomes if isinstance(o, Unauthenticated))
    assert reasons == ["REFRESH_REUSED"] + ["SESSION_REVOKED"] * 18
    (winner,) = [o for o in outcomes if isinstance(o, pb.TokenPair)]
    assert await introspected(auth, winner.access_token) == "SESSION_REVOKED"
    made = await database.pool.fetchval(
        "SELECT count(*) FROM refresh_tokens WHERE session_id = $1", UUID(answer.session_id)
    )
    assert made == 2


async def test_made_up_and_expired_refresh_tokens_are_refused(
    auth: AuthServiceAsyncStub, database: Database, wallet: Wallet
) -> None:
    assert await refresh_refusal(auth, "") == "REFRESH_UNKNOWN"
    assert await refresh_refusal(auth, "x" * 100_000) == "REFRESH_UNKNOWN"
    answer = await signed_in(auth, wallet)
    await database.pool.execute(
        "UPDATE sessions SET expires_at = now() - interval '1 second' WHERE id = $1", UUID(answer.session_id)
    )
    assert await refresh_refusal(auth, answer.tokens.refresh_token) == "REFRESH_EXPIRED"
    assert await listed(auth, answer.user_id) == []


async def test_each_refused_refresh_is_written_down_with_who_tried(
    auth: AuthServiceAsyncStub, database: Database, wallet: Wallet
) -> None:
    session = await signed_in(auth, wallet)
    await refreshed(auth, session.tokens.refresh_token)
    client = pb.Client(ip=new_client().ip, user_agent="a thief's browser")
    for token in ("made up", session.tokens.refresh_token, session.tokens.refresh_token):
        with pytest.raises(Unauthenticated):
            await auth.Refresh(pb.RefreshRequest(refresh_token=token, client=client))
    rows = await database.pool.fetch(
        """SELECT reason, succeeded, user_agent, session_id, user_id, address FROM login_events
        WHERE ip = $1 ORDER BY at""",
        client.ip,
    )
    known = (UUID(session.session_id), UUID(session.user_id), wallet.address)
    assert [tuple(row) for row in rows] == [
        ("REFRESH_UNKNOWN", False, client.user_agent, None, None, None),
        ("REFRESH_REUSED", False, client.user_agent, *known),
        ("SESSION_REVOKED", False, client.user_agent, *known),
    ]


async def test_a_wallet_is_seen_as_long_as_its_session_goes_on(
    auth: AuthServiceAsyncStub, cache: Redis, settings: Settings, wallet: Wallet
) -> None:
    session = await signed_in(auth, wallet)
    async with grpc.connected(settings, "wallets", WalletsServiceStub) as wallets:
        wanted = ListWalletsRequest(user_ids=[session.user_id])
        (before,) = (await wallets.ListWallets(wanted)).wallets
        assert await cache.delete(f"wallet:last-seen:{before.id}") == 1
        (forgotten,) = (await wallets.ListWallets(wanted)).wallets
        assert not forgotten.HasField("last_seen_at")
        await refreshed(auth, session.tokens.refresh_token)
        (seen,) = (await wallets.ListWallets(wanted)).wallets
    assert seen.last_seen_at.ToNanoseconds() > before.last_seen_at.ToNanoseconds()


async def test_a_user_lists_and_ends_one_session_and_the_others_live(
    auth: AuthServiceAsyncStub, wallet: Wallet
) -> None:
    first, second = await signed_in(auth, wallet), await signed_in(auth, wallet)
    assert await listed(auth, first.user_id) == [second.session_id, first.session_id]
    request = pb.RevokeSessionRequest(user_id=first.user_id, session_id=first.session_id)
    for _ in range(2):
        await auth.RevokeSession(request)
    assert await introspected(auth, first.tokens.access_token) == "SESSION_REVOKED"
    assert await introspected(auth, second.tokens.access_token) == second.session_id
    assert await refresh_refusal(auth, first.tokens.refresh_token) == "SESSION_REVOKED"
    assert await listed(auth, first.user_id) == [second.session_id]


async def test_a_user_ends_all_sessions(auth: AuthServiceAsyncStub, wallet: Wallet) -> None:
    answers = [await signed_in(auth, wallet) for _ in range(3)]
    bystander = await signed_in(auth, Wallet.fresh())
    request = pb.RevokeAllSessionsRequest(user_id=answers[0].user_id)
    assert (await auth.RevokeAllSessions(request)).revoked == 3
    assert (await auth.RevokeAllSessions(request)).revoked == 0
    for answer in answers:
        assert await introspected(auth, answer.tokens.access_token) == "SESSION_REVOKED"
    assert await introspected(auth, bystander.tokens.access_token) == bystander.session_id


async def test_another_users_session_cannot_be_ended(auth: AuthServiceAsyncStub, wallet: Wallet) -> None:
    mine, theirs = await signed_in(auth, wallet), await signed_in(auth, Wallet.fresh())
    for session_id in (theirs.session_id, str(new_id())):
        with pytest.raises(NotFound) as error:
            await auth.RevokeSession(pb.RevokeSessionRequest(user_id=mine.user_id, session_id=session_id))
        assert error.value.reason == "SESSION_NOT_FOUND"
    assert await introspected(auth, theirs.tokens.access_token) == theirs.session_id


async def test_ids_that_are_none_are_refused(auth: AuthServiceAsyncStub) -> None:
    for request in (pb.RevokeAllSessionsRequest(user_id="me"), pb.RevokeAllSessionsRequest()):
        with pytest.raises(InvalidArgument) as error:
            await auth.RevokeAllSessions(request)
        assert error.value.reason == "INVALID_ID"


async def test_a_revocation_that_redis_forgot_is_put_back(
    auth: AuthServiceAsyncStub, cache: Redis, wallet: Wallet
) -> None:
    answer = await signed_in(auth, wallet)
    await auth.RevokeSession(pb.RevokeSessionRequest(user_id=answer.user_id, session_id=answer.session_id))
    key = f"session:blacklist:{answer.session_id}"
    assert 890 < await cache.ttl(key) <= 900
    await cache.delete(key)
    # Nobody is let in meanwhile: a mark that is missing is no word of the database.
    assert await introspected(auth, answer.tokens.access_token) == "SESSION_REVOKED"
    async with asyncio.timeout(30):
        while not await cache.exists(key):
            await asyncio.sleep(0.1)
    assert 850 < await cache.ttl(key) <= 900


async def test_tokens_can_be_checked_by_anybody_with_the_published_keys(
    auth: AuthServiceAsyncStub, wallet: Wallet
) -> None:
    answer = await signed_in(auth, wallet)
    published = jwt.PyJWKSet.from_dict(json.loads((await auth.GetKeys(pb.GetKeysRequest())).jwks))
    kid = jwt.get_unverified_header(answer.tokens.access_token)["kid"]
    claims = jwt.decode(answer.tokens.access_token, published[kid], algorithms=["EdDSA"], issuer="mercato")
    assert claims["sub"] == answer.user_id
    assert claims["exp"] - claims["iat"] == 900
    assert claims["exp"] == answer.tokens.access_expires_at.seconds


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "eyJhbGciOiJub25lIn0.e30.", "x" * 5000])
async def test_what_is_no_token_is_refused(auth: AuthServiceAsyncStub, token: str) -> None:
    assert await introspected(auth, token) == "TOKEN_INVALID"
