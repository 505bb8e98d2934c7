"""The whole bridge: a domain event published to the real broker arrives as a push, and the intent is settled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from domain_events import collections_of, receipt_of, token_events, tokens_of
from intent_world import World

from mercato.kit import channels, rabbit, topology
from mercato.kit.ids import Address
from mercato.kit.messages import Outgoing, outgoing
from mercato.kit.rabbit import Publisher
from mercato.rpc.common.v1.common_pb2 import STANDARD_ERC721, Block
from mercato.rpc.events.v1 import events_pb2 as pb
from mercato.rpc.orchestrator.v1 import orchestrator_pb2
from mercato.services.subscriptions import app


@pytest.fixture(scope="module")
async def publisher(world: World) -> AsyncIterator[Publisher]:
    """Publishes what the service, which runs meanwhile, consumes."""
    async with rabbit.connected(world.settings, "tests") as broker, app.running(world.settings):
        yield broker.publisher


def collection_message(world: World, event: Any) -> Outgoing:
    key = topology.collection_upserted(world.chain_id, Address(event.contract))
    return outgoing(topology.COLLECTIONS_DOMAIN, key, event)


def tokens_message(world: World, events: Sequence[pb.TokenUpserted]) -> Outgoing:
    keys = [topology.token_upserted(world.chain_id, Address(e.contract), int(e.token_id)) for e in events]
    return outgoing(topology.MINTS_DOMAIN, keys[0], token_events(*events), further_keys=keys[1:])


async def test_a_collection_and_a_mint_are_settled_through_the_broker(world: World, publisher: Publisher) -> None:
    user = world.user()
    creation = await world.prepare_collection(user)
    created = await receipt_of(world, await world.send(creation))
    (event,) = collections_of(world.chain_id, created)
    async with world.listening(channels.collection(world.chain_id, Address(creation.contract))) as listener:
        message = collection_message(world, event)
        await publisher.publish(message)
        push = await listener.next()
        assert (push.id, push.collection_upserted) == (message.message_id, event)
    await world.reaching(creation, orchestrator_pb2.INTENT_STATE_INDEXED)

    world.catalog.tell(creation.contract, STANDARD_ERC721, created.tx_hash)
    mint = await world.prepare_mint(user, creation.contract, 3)
    minted = await receipt_of(world, await world.send(mint))
    async with world.listening_to_user(user) as listener:
        await publisher.publish(tokens_message(world, tokens_of(world.chain_id, minted)))
        assert await listener.states(4) == ["SUBMITTED", "INCLUDED", "CONFIRMED", "INDEXED"]
    done = await world.reaching(mint, orchestrator_pb2.INTENT_STATE_INDEXED)
    assert list(done.token_ids) == ["1", "2", "3"]


async def test_sign_ins_and_links_reach_their_user_only(world: World, publisher: Publisher) -> None:
    user, stranger = world.user(), world.user()
    signed_in = pb.UserLoggedIn(user_id=str(user.id), session_id="s", address=user.wallet)
    linked = pb.WalletLinked(user_id=str(user.id), wallet_id="w", address=user.wallet)
    async with world.listening_to_user(user) as mine, world.listening_to_user(stranger) as theirs:
        await publisher.publish(outgoing(topology.AUTH_EVENTS, topology.USER_LOGGED_IN, signed_in))
        assert (await mine.next()).user_logged_in == signed_in
        await publisher.publish(outgoing(topology.WALLETS_EVENTS, topology.WALLET_LINKED, linked))
        assert (await mine.next()).wallet_linked == linked
        assert await theirs.nothing_more()


async def test_token_changes_and_forks_reach_the_feed(world: World, publisher: Publisher) -> None:
    contract = Address(b"\x91" * 20)
    chain = world.chain_id
    moved = pb.TokenTransferred(chain_id=chain.caip2, contract=contract, token_id="5")
    enriched = pb.TokenEnriched(chain_id=chain.caip2, contract=contract, token_id="5", name="Five")
    forked = pb.ChainReorged(
        chain_id=chain.caip2,
        orphaned=[Block(number=2**40, hash=b"\x92" * 32)],
        common_ancestor=Block(number=2**40 - 1, hash=b"\x93" * 32),
    )
    async with world.listening(channels.FEED) as feed:
        for exchange, key, event in (
            (topology.TOKENS_DOMAIN, topology.token_transferred(chain, contract, 5), token_events(moved)),
            (topology.TOKENS_DOMAIN, topology.token_enriched(chain, contract, 5), token_events(enriched)),
            (topology.CHAINS_EVENTS, topology.reorged(chain), forked),
        ):
            await publisher.publish(outgoing(exchange, key, event))
        pushes = [await feed.next() for _ in range(3)]
    by_body = {push.WhichOneof("body"): push for push in pushes}
    assert by_body["token_transferred"].token_transferred == moved
    assert by_body["token_enriched"].token_enriched == enriched
    assert by_body["retracted"].retracted.from_block == 2**40
