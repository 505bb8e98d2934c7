"""Imports as operators and admins ask for them: refusals with their reasons, and the collection in the catalog."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.integration.indexer.indexer_anvil import Anvil
from tests.integration.indexer.indexer_rig import Stores, eventually
from tests.integration.indexer.test_indexer_service import Registry

from mercato.kit import grpc
from mercato.kit.errors import FailedPrecondition, InvalidArgument, MercatoError, NotFound
from mercato.kit.ids import Address, ChainId
from mercato.kit.settings import Settings
from mercato.rpc.catalog.v1 import catalog_pb2
from mercato.rpc.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from mercato.rpc.chains.v1 import chains_pb2_grpc
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.indexer.v1 import indexer_pb2 as pb
from mercato.rpc.indexer.v1.indexer_pb2_grpc import IndexerServiceStub
from mercato.services.catalog import app as catalog_app
from mercato.services.indexer import app
from mercato.stack import LocalStack


@pytest.fixture
async def registry(settings: Settings) -> AsyncIterator[Registry]:
    served = Registry()  # type: ignore[abstract]  # the other calls answer UNIMPLEMENTED
    add = chains_pb2_grpc.add_ChainsServiceServicer_to_server
    async with grpc.serving(settings, "chains", [(add, served, "mercato.chains.v1.ChainsService")]):
        yield served


@pytest.fixture
async def indexer(settings: Settings, registry: Registry) -> AsyncIterator[Any]:
    async with app.running(settings), grpc.connected(settings, "indexer", IndexerServiceStub) as stub:
        yield stub


def _request(chain: ChainId, contract: Address, **more: Any) -> pb.ImportCollectionRequest:
    return pb.ImportCollectionRequest(chain_id=chain.caip2, contract=contract, **more)


async def test_what_cannot_be_imported_is_refused_with_its_reason(
    anvil: Anvil, registry: Registry, indexer: Any
) -> None:
    registry.put(anvil.chain, anvil.url, None)
    collection = await anvil.create(anvil.accounts[1])
    await anvil.mine()

    async def refusal(request: pb.ImportCollectionRequest) -> tuple[type[MercatoError], str]:
        with pytest.raises(MercatoError) as refused:
            await indexer.ImportCollection(request)
        return type(refused.value), refused.value.reason

    assert await refusal(_request(ChainId(987_654), collection)) == (NotFound, "CHAIN_UNKNOWN")
    account = _request(anvil.chain, anvil.accounts[0])
    assert await refusal(account) == (FailedPrecondition, "CONTRACT_WITHOUT_CODE")
    factory = _request(anvil.chain, anvil.factory)
    assert await refusal(factory) == (FailedPrecondition, "NOT_AN_NFT_CONTRACT")
    early = _request(anvil.chain, collection, from_block=10**6)
    assert await refusal(early) == (InvalidArgument, "FROM_BLOCK_IN_FUTURE")
    assert not (await indexer.ListImports(pb.ListImportsRequest(chain_id=anvil.chain.caip2))).imports


async def test_an_imported_contract_is_a_collection_of_the_catalog_with_all_it_has(
    settings: Settings, stores: Stores, anvil: Anvil, registry: Registry, indexer: Any
) -> None:
    creator, alice = anvil.accounts[1:3]
    collection, empty = await anvil.create(creator), await anvil.create(creator, salt=2, standard=1155)
    await anvil.mint(collection, alice, 3)
    await anvil.mine()
    await anvil.transfer(collection, alice, creator, 2)
    await anvil.bury()
    await anvil.mint(collection, creator)
    await anvil.mine()
    registry.put(anvil.chain, anvil.url, anvil.accounts[5])
    await stores.indexed(anvil.chain, (await anvil.head()).number)

    async def done() -> list[pb.CollectionImport] | None:
        answer = await indexer.ListImports(pb.ListImportsRequest(chain_id=anvil.chain.caip2))
        return list(answer.imports) if all(one.state == "done" for one in answer.imports) else None

    async with catalog_app.running(settings), grpc.connected(settings, "catalog", CatalogServiceStub) as catalog:
        for contract in (collection, empty):
            await indexer.ImportCollection(_request(anvil.chain, contract, requested_by=alice))
        imports = await eventually(done)
        keys = [catalog_pb2.CollectionKey(chain_id=anvil.chain.caip2, contract=c) for c in (collection, empty)]

        async def bound() -> list[catalog_pb2.Collection] | None:
            answer = await catalog.BatchGetCollections(catalog_pb2.BatchGetCollectionsRequest(keys=keys))
            whole = [c for c in answer.collections if c.bindings[0].kind == "import" and c.owner]
            return whole if len(whole) == 2 else None

        async def owned() -> dict[str, bytes] | None:
            asked = catalog_pb2.ListTokensRequest(chain_id=anvil.chain.caip2, contract=collection)
            found = {token.token_id: token.owner for token in (await catalog.ListTokens(asked)).tokens}
            return found if found == owners else None

        owners = {"1": bytes(alice), "2": bytes(creator), "3": bytes(alice), "4": bytes(creator)}
        await eventually(owned)
        shown = {c.contract: c for c in await eventually(bound)}
    assert [shown[bytes(contract)].token_count for contract in (collection, empty)] == [4, 0]
    assert [(one.contract, one.name, one.blocks_read) for one in imports] == [
        (bytes(empty), "Herons", imports[0].blocks_total), (bytes(collection), "Herons", imports[1].blocks_total),
    ]  # fmt: skip
    binding = catalog_pb2.Binding(kind="import", source=alice, block_number=2)
    for contract, standard in ((collection, common_pb2.STANDARD_ERC721), (empty, common_pb2.STANDARD_ERC1155)):
        one = shown[bytes(contract)]
        assert (one.name, one.symbol, one.standard, one.creator) == ("Herons", "HRN", standard, b"")
        assert list(one.bindings) == [binding]


async def _mercato(stack: LocalStack, *words: str) -> tuple[int | None, str]:
    """The exit code and the output of a command."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mercato.cli", *words, env={**os.environ, **stack.env},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_the_command_waits_until_the_history_is_read_and_the_list_shows_it(
    stack: LocalStack, stores: Stores, anvil: Anvil, registry: Registry, indexer: Any
) -> None:
    collection = await anvil.create(anvil.accounts[1])
    await anvil.mint(collection, anvil.accounts[2], 2)
    await anvil.bury()
    registry.put(anvil.chain, anvil.url, anvil.accounts[5])
    await stores.indexed(anvil.chain, (await anvil.head()).number)
    code, told = await _mercato(stack, "collections", "import", anvil.chain.caip2, collection.text, "--from-block", "1")
    (one,) = (await indexer.ListImports(pb.ListImportsRequest(chain_id=anvil.chain.caip2))).imports
    assert (code, one.state, one.from_block, one.blocks_read) == (0, "done", 1, one.blocks_total)
    assert f"Herons is imported: {one.blocks_read} blocks of history, {one.facts_published} facts" in told
    code, told = await _mercato(stack, "collections", "imports", "--chain", anvil.chain.caip2)
    progress = f"{one.blocks_read} of {one.blocks_total} blocks, {one.facts_published} facts"
    assert (code, told) == (0, f"{anvil.chain.caip2} {collection.checksum} ERC-721 Herons: done, {progress}\n")
    code, told = await _mercato(stack, "collections", "import", anvil.chain.caip2, anvil.accounts[0].text)
    assert code == 1
    assert "has no code" in told
