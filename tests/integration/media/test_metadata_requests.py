"""metadata.requested from the contracts of a real chain: what is published, again and in any order."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from media_collections import Deployer
from media_parts import Site, metadata

from mercato.evm.directory import ChainDirectory
from mercato.evm.rpc import Endpoint, RpcPool
from mercato.kit import grpc, messages, topology
from mercato.kit.errors import MercatoError, NotFound, Poison, Unavailable
from mercato.kit.ids import Address, ChainId, new_id
from mercato.kit.messages import Incoming, Outgoing
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.events.v1 import events_pb2 as pb
from mercato.services.chains import app as chains
from mercato.services.media.app import uri_reader
from mercato.services.media.consumers import ReadUris, ResolveRequested
from mercato.services.media.usecases import Clock, ResolveMetadata, StoreDocument
from mercato.stack import LocalStack, seeding
from mercato.stack.environment import settings_of

ERC721, ERC1155 = common_pb2.STANDARD_ERC721, common_pb2.STANDARD_ERC1155
NOBODY = Address(b"\xee" * 20)


@dataclass
class Market:
    """A chain with the registry that names it."""

    chain: ChainId
    deployer: Deployer
    directory: ChainDirectory


@pytest.fixture(scope="module")
async def market(stack: LocalStack) -> AsyncIterator[Market]:
    local = stack.chains[0]
    chain = local.chain_id
    async with AsyncExitStack() as exits:
        await exits.enter_async_context(chains.running(stack.settings))
        await seeding.seed(stack.settings, [local])
        node = await exits.enter_async_context(RpcPool(chain, [Endpoint(local.url)]))
        registry = await exits.enter_async_context(grpc.connected(stack.settings, "chains", ChainsServiceStub))
        directory = await exits.enter_async_context(ChainDirectory(registry))
        yield Market(chain, await Deployer.on(node), directory)


@pytest.fixture(scope="module")
def read_uris(market: Market) -> ReadUris:
    return uri_reader(market.directory)


@dataclass
class Published:
    """Catches what a handler publishes."""

    messages: list[Outgoing] = field(default_factory=list)

    async def publish(self, message: Outgoing) -> None:
        self.messages.append(message)

    def content(self) -> dict[tuple[Address, str], bytes]:
        """The last word on each token, without the time at which it was had."""
        last: dict[tuple[Address, str], bytes] = {}
        for message in self.messages:
            resolved = pb.MetadataResolved.FromString(message.body)
            for token in resolved.tokens:
                token.ClearField("resolved_at")
                last[Address(resolved.contract), token.token_id] = token.SerializeToString(deterministic=True)
        return last

    def tokens(self) -> list[pb.TokenMetadata]:
        return [token for m in self.messages for token in pb.MetadataResolved.FromString(m.body).tokens]


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def handler(read_uris: ReadUris, resolve: ResolveMetadata, published: Published, clock: Clock) -> ResolveRequested:
    return ResolveRequested(read_uris, resolve, published.publish, clock)


def request(market: Market, contract: Address, standard: int, token_ids: Sequence[int], attempt: int = 1) -> Incoming:
    message = pb.MetadataRequested(
        chain_id=market.chain.caip2,
        contract=contract,
        standard=common_pb2.Standard.ValueType(standard),
        token_ids=[str(t) for t in token_ids],
    )
    return Incoming(str(new_id()), message.DESCRIPTOR.full_name, message, {}, attempt)


async def test_an_erc721_contract_is_asked_token_by_token(market: Market, read_uris: ReadUris) -> None:
    contract = await market.deployer.collection_721("ipfs://folder/", tokens=3)
    assert await read_uris(market.chain, contract, ERC721, [3, 1]) == ["ipfs://folder/3", "ipfs://folder/1"]


async def test_an_erc721_contract_without_a_folder_gives_one_uri_for_all(market: Market, read_uris: ReadUris) -> None:
    contract = await market.deployer.collection_721("ipfs://document", tokens=2)
    assert await read_uris(market.chain, contract, ERC721, [1, 2]) == ["ipfs://document", "ipfs://document"]


async def test_an_erc1155_contract_gives_its_template_or_the_uri_of_the_id(market: Market, read_uris: ReadUris) -> None:
    contract = await market.deployer.collection_1155("https://x.example/{id}.json", {7: "ipfs://seven"})
    uris = await read_uris(market.chain, contract, ERC1155, [7, 2**256 - 1])
    assert uris == ["ipfs://seven", "https://x.example/{id}.json"]


async def test_a_revert_reads_as_no_uri_and_spoils_no_other_token(market: Market, read_uris: ReadUris) -> None:
    contract = await market.deployer.collection_721("ipfs://folder/", tokens=1)
    assert await read_uris(market.chain, contract, ERC721, [1, 99]) == ["ipfs://folder/1", ""]


async def test_an_address_without_code_and_the_wrong_standard_have_no_uris(market: Market, read_uris: ReadUris) -> None:
    contract = await market.deployer.collection_721("ipfs://folder/", tokens=1)
    assert await read_uris(market.chain, NOBODY, ERC721, [1]) == [""]
    assert await read_uris(market.chain, contract, ERC1155, [1]) == [""]


async def test_each_token_of_a_request_is_resolved_and_published(
    market: Market, handler: ResolveRequested, published: Published, store_document: StoreDocument, site: Site
) -> None:
    documents = [metadata(attributes=[{"trait_type": "Hat", "value": "red"}]), metadata()]
    folder = await store_document.folder([json.dumps(d) for d in documents], first_token_id=1)
    contract = await market.deployer.collection_721(f"ipfs://{folder}/", tokens=2)
    await handler(request(market, contract, ERC721, [1, 2, 99]))
    (message,) = published.messages
    resolved = pb.MetadataResolved.FromString(message.body)
    assert (message.exchange, message.routing_key) == (topology.MEDIA_EVENTS, topology.METADATA_RESOLVED)
    assert (resolved.chain_id, resolved.contract) == (market.chain.caip2, contract)
    one, two, reverted = resolved.tokens
    assert (one.token_id, one.uri, one.name) == ("1", f"ipfs://{folder}/1", documents[0]["name"])
    assert [(t.name, t.value, t.kind) for t in one.traits] == [("Hat", "red", "string")]
    assert (one.doc_id, one.failure) == (f"{folder}/1", "")
    assert (two.token_id, two.name, two.failure) == ("2", documents[1]["name"], "")
    assert (reverted.token_id, reverted.uri, reverted.name, reverted.failure) == ("99", "", "", "NO_URI")
    assert site.asked == []


async def test_an_erc1155_template_and_folder_lead_to_the_document_of_each_id(
    market: Market, handler: ResolveRequested, published: Published, store_document: StoreDocument, site: Site
) -> None:
    by_template = metadata()
    site.put(f"/{255:064x}.json", by_template)
    templated = await market.deployer.collection_1155(site.url + "/{id}.json", {})
    in_folder = metadata()
    folder = await store_document.folder([json.dumps(in_folder)], first_token_id=255)
    foldered = await market.deployer.collection_1155(f"ipfs://{folder}/", {})
    for contract in (templated, foldered):
        await handler(request(market, contract, ERC1155, [255]))
    assert [(t.name, t.failure) for t in published.tokens()] == [(by_template["name"], ""), (in_folder["name"], "")]


@pytest.mark.parametrize("seed", range(3))
async def test_requests_twice_and_shuffled_publish_the_same(
    market: Market,
    handler: ResolveRequested,
    published: Published,
    store_document: StoreDocument,
    site: Site,
    seed: int,
) -> None:
    folder = await store_document.folder([json.dumps(metadata()) for _ in range(4)], first_token_id=1)
    site.pages["/broken.json"] = 404
    site.put(f"/{8:064x}.json", metadata(attributes=[{"trait_type": "Age", "value": 3}]))
    shared = await market.deployer.collection_721(f"ipfs://{folder}/", tokens=4)
    template = await market.deployer.collection_1155(site.url + "/{id}.json", {9: site.url + "/broken.json"})
    requests = [
        request(market, shared, ERC721, [1, 2]),
        request(market, shared, ERC721, [3, 4, 5]),
        request(market, template, ERC1155, [8]),
        request(market, template, ERC1155, [9, 8]),
    ]
    for incoming in requests:
        await handler(incoming)
    expected = published.content()
    assert len(expected) == 7

    published.messages.clear()
    again = requests * 2
    random.Random(seed).shuffle(again)
    for incoming in again:
        await handler(incoming)
    assert published.content() == expected


async def test_a_source_that_does_not_answer_is_published_and_asked_again_twice(
    market: Market, handler: ResolveRequested, published: Published, site: Site
) -> None:
    site.pages["/down.json"] = 503
    good = metadata()
    url = site.put("/good.json", good)
    contract = await market.deployer.collection_1155("", {1: site.url + "/down.json", 2: url})
    for attempt in (1, 2):
        with pytest.raises(Unavailable) as caught:
            await handler(request(market, contract, ERC1155, [1, 2], attempt))
        assert caught.value.reason == "FETCH_FAILED"
    await handler(request(market, contract, ERC1155, [1, 2], attempt=3))
    assert [(t.name, t.failure) for t in published.tokens()] == [("", "FETCH_FAILED"), (good["name"], "")] * 3


def _changed(incoming: Incoming, **changes: Any) -> Incoming:
    message = pb.MetadataRequested()
    message.CopyFrom(incoming.message)
    for name, value in changes.items():
        if isinstance(value, list):
            message.ClearField(name)
            getattr(message, name).extend(value)
        else:
            setattr(message, name, value)
    return Incoming(incoming.message_id, incoming.type, message, {}, 1)


@pytest.mark.parametrize(
    ("changes", "kind", "reason"),
    [
        ({"chain_id": "eip155:424242"}, NotFound, "CHAIN_UNKNOWN"),
        ({"chain_id": "nonsense"}, MercatoError, "INVALID_CHAIN_ID"),
        ({"contract": b"short"}, MercatoError, "INVALID_ADDRESS"),
        ({"token_ids": ["-1"]}, MercatoError, "INVALID_UINT256"),
        ({"token_ids": ["1e3"]}, MercatoError, "INVALID_UINT256"),
        ({"token_ids": [str(2**256)]}, MercatoError, "INVALID_UINT256"),
        ({"standard": common_pb2.STANDARD_UNSPECIFIED}, Poison, "STANDARD_UNKNOWN"),
    ],
)
async def test_a_request_that_no_retry_can_save_is_refused_for_good(
    market: Market,
    handler: ResolveRequested,
    published: Published,
    changes: dict[str, Any],
    kind: type[MercatoError],
    reason: str,
) -> None:
    with pytest.raises(kind) as caught:
        await handler(_changed(request(market, NOBODY, ERC721, [1]), **changes))
    assert caught.value.reason == reason
    assert not caught.value.retryable
    assert published.messages == []


async def test_another_message_type_is_poison(handler: ResolveRequested) -> None:
    wrong = pb.MetadataResolved()
    with pytest.raises(Poison):
        await handler(Incoming("id", wrong.DESCRIPTOR.full_name, wrong, {}, 1))


async def test_a_registry_that_is_away_is_no_reason_to_give_up(stack: LocalStack) -> None:
    """Its failure is retryable, so that the request climbs the ladder instead of being parked."""
    nowhere = settings_of({**stack.env, "MERCATO_GRPC_PORTS": "chains=1", "MERCATO_GRPC_DEADLINE": "0.3"})
    async with (
        grpc.connected(nowhere, "chains", ChainsServiceStub) as registry,
        ChainDirectory(registry) as directory,
    ):
        with pytest.raises(Unavailable):
            await uri_reader(directory)(ChainId(1), NOBODY, ERC721, [1])


def test_the_published_type_is_the_one_that_readers_decode() -> None:
    answer = pb.MetadataResolved(chain_id="eip155:1")
    sent = messages.outgoing(topology.MEDIA_EVENTS, topology.METADATA_RESOLVED, answer)
    assert messages.decode(sent.type, sent.body) == answer
