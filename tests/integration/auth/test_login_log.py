"""The log of sign-ins as its user reads it: all that was done and tried in the user's name, and nothing of others."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from identity_parts import CHAIN, Edge, Wallet, asked, new_client, signed_in

from mercato.kit import cursors
from mercato.kit.errors import InvalidArgument, MercatoError
from mercato.kit.ids import new_id
from mercato.rpc.auth.v1 import auth_pb2 as pb
from mercato.rpc.common.v1 import common_pb2

if TYPE_CHECKING:
    from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub

SIGN_INS = """{ viewer { lastSignInAt signIns { nodes {
  at occasion succeeded reason address ip sessionId sessionEndReason } } sessions { id createdAt } } }"""


def held(wallet: Wallet, since: datetime | None = None, chain: str = CHAIN) -> pb.HeldWallet:
    return pb.HeldWallet(address=wallet.address, chain_id=chain, since=since or datetime.now(UTC) - timedelta(hours=1))


async def log_of(
    auth: AuthServiceAsyncStub, user_id: str, *wallets: pb.HeldWallet, first: int = 100, after: str = ""
) -> pb.ListLoginEventsResponse:
    page = common_pb2.PageRequest(first=first, after=after)
    return await auth.ListLoginEvents(pb.ListLoginEventsRequest(user_id=user_id, wallets=wallets, page=page))


def told(answer: pb.ListLoginEventsResponse) -> list[tuple[str, str, bool]]:
    return [
        (pb.LoginOccasion.Name(e.occasion).removeprefix("LOGIN_OCCASION_"), e.reason, e.succeeded)
        for e in answer.events
    ]


async def refused(call: Any, reason: str) -> None:
    with pytest.raises(MercatoError) as caught:
        await call
    assert caught.value.reason == reason


async def attempted(auth: AuthServiceAsyncStub, victim: Wallet, client: pb.Client) -> None:
    """Somebody comes with the victim's address and a signature of their own."""
    message = await asked(auth, victim.address, client)
    signature = Wallet.fresh().sign(message)
    request = pb.SignInRequest(message=message, signature=signature, client=client)
    await refused(auth.SignIn(request), "SIGNATURE_INVALID")


async def test_a_user_reads_what_was_done_and_refused_in_its_name_newest_first(
    auth: AuthServiceAsyncStub, wallet: Wallet
) -> None:
    client = new_client()
    opened = await signed_in(auth, wallet, client)
    second = Wallet.fresh()
    nonce = pb.IssueNonceRequest(
        address=second.address, chain_id=CHAIN, client=new_client(), link_user_id=opened.user_id
    )
    message = (await auth.IssueNonce(nonce)).message
    for signature, reason in ((wallet.sign(message), "SIGNATURE_INVALID"), (second.sign(message), "")):
        link = pb.VerifyLinkRequest(user_id=opened.user_id, message=message, signature=signature, client=new_client())
        await (refused(auth.VerifyLink(link), reason) if reason else auth.VerifyLink(link))
    await auth.Refresh(pb.RefreshRequest(refresh_token=opened.tokens.refresh_token, client=new_client()))
    again = pb.RefreshRequest(refresh_token=opened.tokens.refresh_token, client=new_client())
    await refused(auth.Refresh(again), "REFRESH_REUSED")
    found = await log_of(auth, opened.user_id)
    assert told(found) == [
        ("REFRESH", "REFRESH_REUSED", False), ("LINK", "LINK_PROVEN", True), ("LINK", "SIGNATURE_INVALID", False),
        ("SIGN_IN", "SIGNED_IN", True),
    ]  # fmt: skip
    first = found.events[-1]
    assert (first.address, first.chain_id, first.ip, first.user_agent, first.session_id) == (
        wallet.address, CHAIN, client.ip, client.user_agent, opened.session_id,
    )  # fmt: skip
    assert first.session_end_reason == "REFRESH_REUSED"
    assert first.session_ended_at.ToDatetime(UTC) >= first.at.ToDatetime(UTC)


async def test_how_a_session_ended_stands_beside_its_sign_in_and_nothing_while_it_lives(
    auth: AuthServiceAsyncStub, wallet: Wallet
) -> None:
    ended, living = await signed_in(auth, wallet), await signed_in(auth, wallet)
    await auth.RevokeSession(pb.RevokeSessionRequest(user_id=ended.user_id, session_id=ended.session_id))
    found = {e.session_id: e for e in (await log_of(auth, ended.user_id)).events}
    assert found[ended.session_id].session_end_reason == "BY_USER"
    assert found[living.session_id].session_end_reason == ""
    assert not found[living.session_id].HasField("session_ended_at")


async def test_what_others_tried_with_a_wallet_is_told_to_who_has_it_since_then_and_on_that_chain(
    auth: AuthServiceAsyncStub, wallet: Wallet
) -> None:
    opened, thief = await signed_in(auth, wallet), new_client()
    await attempted(auth, wallet, thief)
    user_id = opened.user_id
    attempt = ("SIGN_IN", "SIGNATURE_INVALID", False)
    found = await log_of(auth, user_id, held(wallet), held(wallet))
    assert told(found) == [attempt, ("SIGN_IN", "SIGNED_IN", True)]
    assert found.events[0].ip == thief.ip
    assert attempt not in told(await log_of(auth, user_id))
    assert attempt not in told(await log_of(auth, user_id, held(wallet, chain="eip155:31338")))
    since = found.events[0].at.ToDatetime(UTC) + timedelta(microseconds=1)
    assert attempt not in told(await log_of(auth, user_id, held(wallet, since)))


async def test_nobody_reads_the_log_of_another_user(auth: AuthServiceAsyncStub, wallet: Wallet) -> None:
    await signed_in(auth, wallet)
    stranger = await signed_in(auth, Wallet.fresh())
    assert len((await log_of(auth, stranger.user_id, held(wallet))).events) == 1
    assert list((await log_of(auth, str(new_id()), held(wallet))).events) == []


async def test_pages_give_each_line_once_in_order(auth: AuthServiceAsyncStub, wallet: Wallet) -> None:
    opened = await signed_in(auth, wallet)
    for _ in range(3):
        await attempted(auth, wallet, new_client())
        await signed_in(auth, wallet)
    whole = await log_of(auth, opened.user_id, held(wallet))
    assert len(whole.events) == 7
    assert not whole.page.has_next_page
    seen, after = [], ""
    while True:
        page = await log_of(auth, opened.user_id, held(wallet), first=3, after=after)
        seen += [e.id for e in page.events]
        after = page.page.end_cursor
        assert after == page.cursors[-1]
        if not page.page.has_next_page:
            break
    assert seen == [e.id for e in whole.events]
    assert [e.at.ToDatetime() for e in whole.events] == sorted((e.at.ToDatetime() for e in whole.events), reverse=True)


@pytest.mark.parametrize(
    "after",
    [
        "nonsense", cursors.encode("one"), cursors.encode("yesterday", str(new_id())),
        cursors.encode("2026-11-22T09:00:00+00:00", "x"), cursors.encode("0001-01-01T00:00:00+14:00", str(new_id())),
    ],
)  # fmt: skip
async def test_a_cursor_of_no_page_is_refused(auth: AuthServiceAsyncStub, after: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await log_of(auth, str(new_id()), after=after)
    assert caught.value.reason == "INVALID_CURSOR"


async def test_the_viewer_reads_it_through_the_api(edge: Edge, auth: AuthServiceAsyncStub, wallet: Wallet) -> None:
    opened = await edge.sign_in(wallet, **{"X-Forwarded-For": "198.51.100.7"})
    bearer = {"Authorization": f"Bearer {opened.data['signIn']['tokens']['accessToken']}"}
    thief = new_client()
    await attempted(auth, wallet, thief)

    async def viewer() -> Any:
        return (await edge.post(SIGN_INS, headers=bearer)).data["viewer"]

    async with asyncio.timeout(60):
        while (found := await viewer())["lastSignInAt"] is None:
            await asyncio.sleep(0.05)
    refusal, sign_in = found["signIns"]["nodes"]
    assert (refusal["occasion"], refusal["reason"], refusal["ip"]) == ("SIGN_IN", "SIGNATURE_INVALID", thief.ip)
    assert (refusal["address"], refusal["sessionId"]) == (wallet.address.checksum, None)
    assert (sign_in["succeeded"], sign_in["reason"], sign_in["ip"]) == (True, "SIGNED_IN", "198.51.100.7")
    assert [sign_in["sessionId"]] == [session["id"] for session in found["sessions"]]
    assert sign_in["sessionEndReason"] is None
    assert [found["lastSignInAt"]] == [session["createdAt"] for session in found["sessions"]]
