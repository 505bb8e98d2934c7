"""Wallets on the real database: linked once, owned by one user, never the last one gone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mercato.kit import postgres, redis
from mercato.kit.errors import Conflict, FailedPrecondition, InvalidArgument, NotFound
from mercato.kit.ids import Address, ChainId, UserId, new_id
from mercato.kit.logging import get_logger
from mercato.kit.postgres import Database
from mercato.kit.redis import Redis
from mercato.kit.settings import Settings
from mercato.rpc.events.v1.events_pb2 import WalletLinked, WalletUnlinked
from mercato.services.wallets.model import WALLET_LIMIT, Claim, Occasion, Ownership, Proof, Wallet
from mercato.services.wallets.rpc import wallet_linked, wallet_unlinked
from mercato.services.wallets.store.wallets import WalletStore
from mercato.services.wallets.usecases import LinkWallet, ManageWallets

LOG = get_logger("wallets")
CHAIN = ChainId(31337)


@pytest.fixture(scope="module")
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with postgres.connected(settings, "wallet_db") as opened:
        yield opened


@pytest.fixture(scope="module")
async def cache(settings: Settings) -> AsyncIterator[Redis]:
    async with redis.connected(settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def store(database: Database, cache: Redis) -> WalletStore:
    return WalletStore(database, cache, wallet_linked, wallet_unlinked, LOG)


@pytest.fixture(scope="module")
def link(store: WalletStore) -> LinkWallet:
    return LinkWallet(store, lambda: datetime.now(UTC), new_id)


@pytest.fixture(scope="module")
def manage(store: WalletStore) -> ManageWallets:
    return ManageWallets(store, lambda: datetime.now(UTC))


def claim(
    user: UserId | None = None,
    address: Address | None = None,
    chain: ChainId = CHAIN,
    proof: Proof = Proof.KEY,
    occasion: Occasion = Occasion.SIGN_IN,
) -> Claim:
    return Claim(user or UserId(new_id()), address or Address(os.urandom(20)), chain, proof, occasion)


async def announced(database: Database, user: UserId) -> list[WalletLinked]:
    bodies = await database.pool.fetch(
        "SELECT body FROM outbox WHERE type = 'mercato.events.v1.WalletLinked' ORDER BY id"
    )
    events = [WalletLinked.FromString(row["body"]) for row in bodies]
    return [event for event in events if event.user_id == str(user)]


async def announced_gone(database: Database, wallet: Wallet) -> list[WalletUnlinked]:
    bodies = await database.pool.fetch("SELECT body FROM outbox WHERE message_id = $1", f"{wallet.id}:unlinked")
    return [WalletUnlinked.FromString(row["body"]) for row in bodies]


async def test_the_first_wallet_is_primary_and_later_ones_are_not(link: LinkWallet, manage: ManageWallets) -> None:
    first = claim()
    second = claim(first.user_id)
    assert (await link.run(first))[0].primary is True
    assert (await link.run(second))[0].primary is False
    assert [(w.address, w.primary) for w in await manage.list_of([first.user_id])] == [
        (first.address, True),
        (second.address, False),
    ]


async def test_linking_again_makes_and_tells_nothing_but_the_time(link: LinkWallet, database: Database) -> None:
    wanted = claim()
    made, created = await link.run(wanted)
    again, created_again = await link.run(wanted)
    assert (created, created_again) == (True, False)
    assert made.last_seen_at is not None
    assert again.last_seen_at is not None
    assert again.last_seen_at >= made.last_seen_at
    assert (again.id, again.linked_at) == (made.id, made.linked_at)
    (event,) = await announced(database, wanted.user_id)
    assert (event.wallet_id, event.address, event.chain_id, event.primary) == (
        str(made.id), wanted.address, "eip155:31337", True,
    )  # fmt: skip


async def test_twenty_links_of_one_wallet_at_once_make_one(link: LinkWallet, database: Database) -> None:
    wanted = claim()
    answers = await asyncio.gather(*(link.run(wanted) for _ in range(20)))
    assert sum(created for _, created in answers) == 1
    assert len({wallet.id for wallet, _ in answers}) == 1
    assert len(await announced(database, wanted.user_id)) == 1


async def test_many_first_wallets_at_once_leave_one_primary(link: LinkWallet, manage: ManageWallets) -> None:
    user = UserId(new_id())
    await asyncio.gather(*(link.run(claim(user)) for _ in range(20)))
    wallets = await manage.list_of([user])
    assert [wallet.primary for wallet in wallets] == [True] + [False] * 19


async def test_of_two_users_who_claim_an_address_at_once_one_gets_it(link: LinkWallet, database: Database) -> None:
    address = Address(os.urandom(20))
    claims = [claim(address=address, chain=ChainId(1 + n % 2)) for n in range(10)]
    answers = await asyncio.gather(*(link.run(c) for c in claims), return_exceptions=True)
    refusals = [answer for answer in answers if isinstance(answer, Conflict)]
    assert [refusal.reason for refusal in refusals] == ["WALLET_OF_ANOTHER_USER"] * 9
    (row,) = await database.pool.fetch("SELECT user_id FROM wallets WHERE address = $1", address)
    assert row["user_id"] == next(
        c.user_id for c, a in zip(claims, answers, strict=True) if not isinstance(a, Exception)
    )


async def test_an_address_of_another_user_is_refused_on_every_chain(link: LinkWallet, manage: ManageWallets) -> None:
    owned = claim()
    await link.run(owned)
    stranger = claim(address=owned.address, chain=ChainId(1))
    with pytest.raises(Conflict) as refusal:
        await link.run(stranger)
    assert refusal.value.reason == "WALLET_OF_ANOTHER_USER"
    assert await manage.list_of([stranger.user_id]) == []


async def test_a_key_links_its_address_on_a_second_chain_and_a_contract_does_not(link: LinkWallet) -> None:
    first = claim()
    await link.run(first)
    _, created = await link.run(claim(first.user_id, first.address, ChainId(1), Proof.KEY))
    assert created
    with pytest.raises(Conflict) as refusal:
        await link.run(claim(first.user_id, first.address, ChainId(10), Proof.CONTRACT))
    assert refusal.value.reason == "CONTRACT_ON_OTHER_CHAIN"
    _, created = await link.run(claim(first.user_id, first.address, ChainId(1), Proof.CONTRACT))
    assert not created


async def test_the_last_wallet_cannot_be_unlinked(link: LinkWallet, manage: ManageWallets) -> None:
    wallet, _ = await link.run(claim())
    with pytest.raises(FailedPrecondition) as refusal:
        await manage.unlink(wallet.user_id, wallet.id)
    assert refusal.value.reason == "LAST_WALLET"
    assert [w.id for w in await manage.list_of([wallet.user_id])] == [wallet.id]


async def test_unlinking_both_wallets_at_once_leaves_one_that_is_primary(
    link: LinkWallet, manage: ManageWallets
) -> None:
    user = UserId(new_id())
    wallets = [(await link.run(claim(user)))[0] for _ in range(2)]
    answers = await asyncio.gather(*(manage.unlink(user, w.id) for w in wallets), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["FailedPrecondition", "Wallet"]
    (left,) = await manage.list_of([user])
    assert left.primary


async def test_the_wallet_linked_first_takes_the_place_of_an_unlinked_primary(
    link: LinkWallet, manage: ManageWallets
) -> None:
    user = UserId(new_id())
    first, second, third = [(await link.run(claim(user)))[0] for _ in range(3)]
    await manage.unlink(user, first.id)
    assert [(w.id, w.primary) for w in await manage.list_of([user])] == [(second.id, True), (third.id, False)]


async def test_an_unlinked_address_is_free_for_another_user_once_it_is_gone_from_every_chain(
    link: LinkWallet, manage: ManageWallets
) -> None:
    user, address = UserId(new_id()), Address(os.urandom(20))
    await link.run(claim(user))
    here, _ = await link.run(claim(user, address, ChainId(1)))
    there, _ = await link.run(claim(user, address, ChainId(2)))
    await manage.unlink(user, here.id)
    with pytest.raises(Conflict):
        await link.run(claim(address=address))
    await manage.unlink(user, there.id)
    assert (await link.run(claim(address=address)))[1] is True


async def test_the_primary_is_what_the_user_chose_and_no_sign_in_changes_it(
    link: LinkWallet, manage: ManageWallets
) -> None:
    first = claim()
    await link.run(first)
    second, _ = await link.run(claim(first.user_id))
    assert (await manage.set_primary(first.user_id, second.id)).primary is True
    await link.run(first)
    assert [w.id for w in await manage.list_of([first.user_id]) if w.primary] == [second.id]


async def test_another_users_wallet_is_not_found(link: LinkWallet, manage: ManageWallets) -> None:
    wallet, _ = await link.run(claim())
    stranger, _ = await link.run(claim())
    for act in (manage.unlink, manage.set_primary):
        with pytest.raises(NotFound) as refusal:
            await act(stranger.user_id, wallet.id)
        assert refusal.value.reason == "WALLET_NOT_FOUND"


async def test_wallets_of_several_users_come_in_one_answer(link: LinkWallet, manage: ManageWallets) -> None:
    wallets = [(await link.run(claim()))[0] for _ in range(3)]
    found = await manage.list_of([wallet.user_id for wallet in wallets] + [UserId(new_id())])
    assert {w.id: w.last_seen_at for w in found} == {w.id: w.last_seen_at for w in wallets}
    with pytest.raises(InvalidArgument) as refusal:
        await manage.list_of([UserId(new_id())] * 1001)
    assert refusal.value.reason == "BATCH_TOO_LONG"


async def test_without_redis_only_the_last_seen_time_is_missing(database: Database, settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    async with redis.connected(away) as nobody:
        store = WalletStore(database, nobody, wallet_linked, wallet_unlinked, LOG)
        wallet, created = await LinkWallet(store, lambda: datetime.now(UTC), new_id).run(claim())
        (listed,) = await store.list_of([wallet.user_id])
    assert created
    assert (listed.id, listed.last_seen_at) == (wallet.id, None)


async def test_an_address_resolves_to_whoever_it_is_linked_to_on_any_chain(
    link: LinkWallet, manage: ManageWallets
) -> None:
    wallet, _ = await link.run(claim())
    assert await manage.resolve(wallet.address) == Ownership(wallet.user_id, (), (wallet.id,))
    assert await manage.resolve(Address(os.urandom(20))) == Ownership(None)


async def test_contracts_at_one_address_on_two_chains_are_two_holders(link: LinkWallet, manage: ManageWallets) -> None:
    first, _ = await link.run(claim(chain=ChainId(1), proof=Proof.CONTRACT))
    elsewhere = (ChainId(2), Proof.CONTRACT)
    assert await manage.resolve(first.address, elsewhere) == Ownership(None, (first.user_id,), (first.id,))
    second, _ = await link.run(claim(address=first.address, chain=ChainId(2), proof=Proof.CONTRACT))
    assert (await manage.resolve(first.address, (ChainId(1), Proof.CONTRACT))).user_id == first.user_id
    assert (await manage.resolve(first.address, elsewhere)).user_id == second.user_id
    assert (await manage.resolve(first.address)).user_id is None
    with pytest.raises(Conflict) as refusal:
        await link.run(claim(first.user_id, first.address, ChainId(2), Proof.CONTRACT, Occasion.LINK))
    assert refusal.value.reason == "WALLET_OF_ANOTHER_USER"
    # One of them leaves: the other stays what it is, and the address is one user's again.
    await link.run(claim(first.user_id))
    await manage.unlink(first.user_id, first.id)
    assert (await manage.resolve(first.address)).user_id == second.user_id
    assert (await manage.resolve(first.address, (ChainId(1), Proof.CONTRACT))).user_id is None


async def test_of_contract_claims_at_once_each_chain_has_one_holder(link: LinkWallet, database: Database) -> None:
    address = Address(os.urandom(20))
    claims = [claim(address=address, chain=ChainId(1 + n % 2), proof=Proof.CONTRACT) for n in range(10)]
    answers = await asyncio.gather(*(link.run(c) for c in claims), return_exceptions=True)
    refusals = [answer for answer in answers if isinstance(answer, Conflict)]
    assert [refusal.reason for refusal in refusals] == ["WALLET_OF_ANOTHER_USER"] * 8
    rows = await database.pool.fetch("SELECT chain_id, user_id FROM wallets WHERE address = $1", address)
    held = await database.pool.fetch("SELECT chain_id, user_id FROM address_owners WHERE address = $1", address)
    assert sorted(row["chain_id"] for row in rows) == [1, 2]
    assert {tuple(row) for row in rows} == {tuple(row) for row in held}


async def test_signing_in_does_not_bring_back_an_unlinked_wallet_and_linking_does(
    link: LinkWallet, manage: ManageWallets
) -> None:
    first, _ = await link.run(claim())
    second, _ = await link.run(claim(first.user_id, occasion=Occasion.LINK))
    again = claim(first.user_id, second.address)
    assert await manage.unlink(first.user_id, second.id) == replace(second, last_seen_at=None)
    assert await manage.resolve(second.address) == Ownership(None, (first.user_id,))
    with pytest.raises(Conflict) as refusal:
        await link.run(again)
    assert refusal.value.reason == "WALLET_UNLINKED"
    third, created = await link.run(replace(again, occasion=Occasion.LINK))
    assert created
    assert third.id != second.id
    assert await manage.resolve(second.address) == Ownership(first.user_id, (), (third.id,))
    assert (await link.run(again))[1] is False


async def test_an_unlinked_wallet_is_announced_once_and_by_the_commit_alone(
    link: LinkWallet, manage: ManageWallets, database: Database
) -> None:
    """No relay runs beside these tests, so the outbox keeps what it got."""
    first, _ = await link.run(claim())
    second, _ = await link.run(claim(first.user_id, occasion=Occasion.LINK))
    answers = await asyncio.gather(*(manage.unlink(first.user_id, second.id) for _ in range(5)), return_exceptions=True)
    assert sorted(a.reason if isinstance(a, NotFound) else "" for a in answers) == ["", *["WALLET_NOT_FOUND"] * 4]
    (event,) = await announced_gone(database, second)
    assert (event.user_id, event.wallet_id, event.address, event.chain_id) == (
        str(first.user_id), str(second.id), second.address, CHAIN.caip2,
    )  # fmt: skip
    with pytest.raises(FailedPrecondition):
        await manage.unlink(first.user_id, first.id)
    assert await announced_gone(database, first) == []


async def test_an_address_that_is_linked_on_another_chain_still_has_not_left(
    link: LinkWallet, manage: ManageWallets
) -> None:
    first, _ = await link.run(claim())
    elsewhere, _ = await link.run(claim(first.user_id, first.address, ChainId(int(CHAIN) + 1)))
    assert await manage.resolve(first.address) == Ownership(first.user_id, (), (first.id, elsewhere.id))
    await manage.unlink(first.user_id, first.id)
    assert await manage.resolve(first.address) == Ownership(first.user_id, (), (elsewhere.id,))
    assert (await link.run(claim(first.user_id, first.address)))[1] is True


async def test_unlink_and_sign_in_at_once_leave_the_wallet_unlinked(link: LinkWallet, manage: ManageWallets) -> None:
    first, _ = await link.run(claim())
    for _ in range(10):
        wallet, _ = await link.run(claim(first.user_id))
        signing_in = (link.run(claim(first.user_id, wallet.address)) for _ in range(5))
        answers = await asyncio.gather(manage.unlink(first.user_id, wallet.id), *signing_in, return_exceptions=True)
        reasons = {answer.reason for answer in answers if isinstance(answer, Conflict)}
        assert reasons <= {"WALLET_UNLINKED"}
        assert await manage.resolve(wallet.address) == Ownership(None, (first.user_id,))


async def test_a_user_asks_to_link_so_many_wallets_and_still_signs_in(link: LinkWallet, database: Database) -> None:
    wallet, _ = await link.run(claim())
    made = [(new_id(), ChainId(10**6 + n)) for n in range(WALLET_LIMIT - 1)]
    await database.pool.executemany(
        """INSERT INTO wallets (id, user_id, address, chain_id, is_primary, linked_at)
        VALUES ($1, $2, $3, $4, false, $5)""",
        [(wallet_id, wallet.user_id, wallet.address, int(chain), wallet.linked_at) for wallet_id, chain in made],
    )
    with pytest.raises(FailedPrecondition) as refusal:
        await link.run(claim(wallet.user_id, occasion=Occasion.LINK))
    assert refusal.value.reason == "TOO_MANY_WALLETS"
    assert (await link.run(claim(wallet.user_id, wallet.address, ChainId(10**7))))[1] is True


def test_an_event_says_what_the_wallet_is() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC) + timedelta(microseconds=5)
    wallet = Wallet(new_id(), UserId(new_id()), Address(bytes(20)), ChainId(10), True, at)
    message = wallet_linked(wallet)
    event = WalletLinked.FromString(message.body)
    assert (message.exchange, message.routing_key, message.message_id) == (
        "wallets.events", "wallet.linked", str(wallet.id),
    )  # fmt: skip
    assert (event.user_id, event.chain_id, event.primary) == (str(wallet.user_id), "eip155:10", True)
    assert event.occurred_at.ToDatetime(UTC) == at
    gone = wallet_unlinked(wallet, at + timedelta(hours=1))
    assert (gone.exchange, gone.routing_key, gone.message_id) == (
        "wallets.events", "wallet.unlinked", f"{wallet.id}:unlinked",
    )  # fmt: skip
    assert WalletUnlinked.FromString(gone.body).occurred_at.ToDatetime(UTC) == at + timedelta(hours=1)
