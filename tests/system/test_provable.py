"""Anybody can prove the read model: rebuilt from raw events it is the same, and a wrong row is found and named."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from mercato.cli.demo_mainnet import indexed, recorded_node
from mercato.evm.abi import Function
from mercato.evm.directory import ChainHandle
from mercato.evm.rpc import Endpoint, RpcPool
from mercato.kit import grpc, postgres
from mercato.kit.errors import FailedPrecondition, InvalidArgument
from mercato.kit.ids import Address, ChainId
from mercato.kit.settings import DATABASES
from mercato.rpc.chains.v1.chains_pb2 import Chain, GasPolicy
from mercato.rpc.indexer.v1.indexer_pb2 import ImportCollectionRequest
from mercato.rpc.indexer.v1.indexer_pb2_grpc import IndexerServiceStub
from mercato.services.catalog.store.natural import at_one_moment
from mercato.services.catalog.store.sampling import draw
from mercato.services.wallets.store.natural import TABLES as APPROVAL_TABLES
from mercato.stack import LocalStack
from mercato.stack.proof.drill import check_depth, drilling
from mercato.stack.proof.rebuilding import Rebuilt, rebuilding
from mercato.stack.proof.scratch import CATALOG, scratch_database
from mercato.stack.proof.verification import Disagreement, Verified, verifying
from mercato.stack.servers.postgres import REBUILD
from mercato.story.mainnet import MAINNET
from mercato.story.play import Collection, Story, Watched
from tests.marketplace import Marketplace


@pytest.fixture(scope="module")
async def played(market: Marketplace) -> tuple[Story, Collection, Collection]:
    """A newcomer who holds three ERC-721 tokens and 42 units of one ERC-1155 token, in collections of his own, and who
    approved an operator for two tokens, one of which moved since, and for all."""
    story = await market.signed_in_story()
    async with story.api.socket() as socket:
        _, uri = await story.upload()
        single = await story.create_collection(socket, "ERC721", uri)
        await story.mint(socket, single, quantity=3)
        multi = await story.create_collection(socket, "ERC1155", uri)
        await story.mint(socket, multi, quantity=42, token_id=7)
    operator = Address(bytes.fromhex("0e" * 20))
    me = story.wallet.address
    for data in (
        Function("approve(address,uint256)").encode(operator, 1),
        Function("approve(address,uint256)").encode(operator, 2),
        Function("transferFrom(address,address,uint256)").encode(me, me, 1),
        Function("setApprovalForAll(address,bool)").encode(operator, True),
    ):
        await story.call(single.contract, data)
    return story, single, multi


@asynccontextmanager
async def planted(market: Marketplace, lie: str, truth: str, contract: str) -> AsyncIterator[None]:
    """A wrong row in the live catalog inside the block; $1 of both statements is the contract's collection_ref."""
    connection = await asyncpg.connect(market.stack.settings.database_url("catalog_db"))
    try:
        find = "SELECT collection_ref FROM collections WHERE contract = $1"
        ref = await connection.fetchval(find, Address.parse(contract))
        assert await connection.execute(lie, ref) in {"UPDATE 1", "SELECT 1"}
        try:
            yield
        finally:
            await connection.execute(truth, ref)
    finally:
        await connection.close()


async def rebuilt(market: Marketplace, chain: ChainId) -> Rebuilt:
    async with rebuilding(market.stack.settings) as tool:
        return await tool.run(chain, lambda done, total: None)


async def databases(market: Marketplace) -> set[str]:
    connection = await asyncpg.connect(market.stack.settings.database_url(REBUILD))
    try:
        return {row[0] for row in await connection.fetch("SELECT datname FROM pg_database")}
    finally:
        await connection.close()


async def test_a_collection_that_was_imported_is_rebuilt_too(
    market: Marketplace, played: tuple[Story, Collection, Collection]
) -> None:
    story, single, _ = played
    wanted = ImportCollectionRequest(chain_id=story.chain.caip2, contract=Address.parse(single.contract))
    async with grpc.connected(market.stack.settings, "indexer", IndexerServiceStub) as indexer:
        await indexer.ImportCollection(wanted)
    async with asyncio.timeout(20):
        while "import" not in await binding_kinds(market, single.contract):
            await asyncio.sleep(0.05)
    result = await rebuilt(market, story.chain)
    assert result.is_equal, differing(result)


async def binding_kinds(market: Marketplace, contract: str) -> set[str]:
    connection = await asyncpg.connect(market.stack.settings.database_url("catalog_db"))
    try:
        rows = await connection.fetch(
            "SELECT kind FROM collection_bindings JOIN collections USING (collection_ref) WHERE contract = $1",
            Address.parse(contract),
        )
        return {row["kind"] for row in rows}
    finally:
        await connection.close()


def differing(result: Rebuilt) -> dict[str, list[str]]:
    return {t.table: [d.key for d in t.differences] for t in result.tables if not t.is_equal}


async def test_a_rebuild_from_raw_events_is_equal_in_every_table(
    market: Marketplace, played: tuple[Story, Collection, Collection]
) -> None:
    story, _, _ = played
    before = await databases(market)
    result = await rebuilt(market, story.chain)
    assert differing(result) == {}
    rows = {t.table: (t.live.rows, t.rebuilt.rows) for t in result.tables}
    assert all(live == anew > 0 for live, anew in rows.values()), rows
    assert result.point.number > 0
    assert len(result.point.hash) == 32
    assert await databases(market) == before


async def test_an_approval_that_the_chain_never_gave_is_found(
    market: Marketplace, played: tuple[Story, Collection, Collection]
) -> None:
    story, single, _ = played
    contract = Address.parse(single.contract)
    connection = await asyncpg.connect(market.stack.settings.database_url("wallet_db"))
    try:
        lie = "UPDATE approvals SET approved = true, ended_block_hash = NULL WHERE contract = $1 AND token_id = 1"
        assert await connection.execute(lie, contract) == "UPDATE 1"
        result = await rebuilt(market, story.chain)
        truth = """
        UPDATE approvals SET approved = false, ended_block_hash = move.block_hash
        FROM token_moves move WHERE move.contract = $1 AND approvals.contract = $1
        AND move.token_id = 1 AND approvals.token_id = 1
        """
        assert await connection.execute(truth, contract) == "UPDATE 1"
    finally:
        await connection.close()
    assert differing(result) == {"approvals": [f"{contract.text} token 1"]}
    assert differing(await rebuilt(market, story.chain)) == {}


async def test_wallets_that_are_late_are_waited_for_and_are_no_difference(
    market: Marketplace, played: tuple[Story, Collection, Collection]
) -> None:
    """Away for longer than a difference must last to be one."""
    story, single, _ = played
    await market.stack.kill("wallets")
    try:
        await story.call(single.contract, Function("approve(address,uint256)").encode(Address(b"\x0f" * 20), 3))
        rebuilding_meanwhile = asyncio.create_task(rebuilt(market, story.chain))
        done, _ = await asyncio.wait([rebuilding_meanwhile], timeout=6)
        assert not done, differing(rebuilding_meanwhile.result())
    finally:
        await market.stack.start("wallets")
    result = await rebuilding_meanwhile
    assert differing(result) == {}
    (approvals,) = (table for table in result.tables if table.table == "approvals_history")
    assert approvals.live.rows == approvals.rebuilt.rows >= 4


async def test_a_rebuilt_database_is_there_afterwards_only_when_it_was_to_be_kept(
    market: Marketplace, played: tuple[Story, Collection, Collection]
) -> None:
    async with rebuilding(market.stack.settings) as tool:
        result = await tool.run(played[0].chain, lambda done, total: None, keep=True)
    assert len(result.scratch) == 2
    assert set(result.scratch) <= await databases(market)
    connection = await asyncpg.connect(market.stack.settings.database_url(REBUILD))
    for name in result.scratch:
        await connection.execute(f'DROP DATABASE "{name}"')
    await connection.close()


@pytest.mark.parametrize("live", DATABASES)
async def test_the_role_that_rebuilds_enters_no_live_database(market: Marketplace, live: str) -> None:
    url = market.stack.settings.database_url(REBUILD).rpartition("/")[0] + f"/{live}"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(url)


async def test_a_server_without_that_role_is_told_what_to_run_there(market: Marketplace) -> None:
    stranger = market.stack.settings.model_copy(update={"postgres_password": SecretStr("another")})
    with pytest.raises(FailedPrecondition) as refused:
        async with scratch_database(stranger, market.nodes[0][0], CATALOG):
            pytest.fail("a database was made")
    assert refused.value.reason == "MAY_NOT_CREATE_DATABASE"
    assert "CREATE ROLE catalog_rebuild LOGIN CREATEDB" in refused.value.message


async def test_a_wrong_balance_is_named(market: Marketplace, played: tuple[Story, Collection, Collection]) -> None:
    story, _, multi = played
    statement = "UPDATE token_balances SET amount = {} WHERE collection_ref = $1"
    async with planted(market, statement.format(43), statement.format(42), multi.contract):
        result = await rebuilt(market, story.chain)
    contract = multi.contract.lower()
    assert differing(result) == {"token_balances": [f"{contract} token 7 of {story.wallet.address.text}"]}
    (table,) = (t for t in result.tables if not t.is_equal)
    (difference,) = table.differences
    assert '"amount": 43' in (difference.live or "")
    assert '"amount": 42' in (difference.rebuilt or "")


async def test_a_wrong_owner_is_named(market: Marketplace, played: tuple[Story, Collection, Collection]) -> None:
    story, single, _ = played
    lie = "UPDATE tokens SET owner = decode(repeat('ee', 20), 'hex') WHERE collection_ref = $1 AND token_id = 2"
    truth = f"UPDATE tokens SET owner = '\\x{story.wallet.address.hex()}' WHERE collection_ref = $1 AND token_id = 2"
    async with planted(market, lie, truth, single.contract):
        result = await rebuilt(market, story.chain)
    assert differing(result) == {"tokens": [f"{single.contract.lower()} token 2"]}


async def test_a_transfer_that_is_gone_is_named(
    market: Marketplace, played: tuple[Story, Collection, Collection]
) -> None:
    story, single, _ = played
    lie = """WITH gone AS (DELETE FROM ownership_transfers WHERE collection_ref = $1 AND token_id = 3 RETURNING *)
        INSERT INTO kept_transfers SELECT * FROM gone"""
    connection = await asyncpg.connect(market.stack.settings.database_url("catalog_db"))
    try:
        ref = await connection.fetchval(
            "SELECT collection_ref FROM collections WHERE contract = $1", Address.parse(single.contract)
        )
        await connection.execute("CREATE TEMP TABLE kept_transfers (LIKE ownership_transfers)")
        assert await connection.execute(lie, ref) == "INSERT 0 1"
        result = await rebuilt(market, story.chain)
        await connection.execute("INSERT INTO ownership_transfers SELECT * FROM kept_transfers")
    finally:
        await connection.close()
    (keys,) = differing(result).values()
    assert [key.split()[:2] for key in keys] == [[single.contract.lower(), "block"]]
    (table,) = (t for t in result.tables if not t.is_equal)
    assert (table.table, table.live.rows) == ("ownership_transfers", table.rebuilt.rows - 1)
    assert table.differences[0].live is None


async def verified(market: Marketplace, chain: ChainId, seed: int = 1) -> Verified:
    async with verifying(market.stack.settings) as tool:
        return await tool.run(chain, 10_000, seed)


async def test_owners_balances_and_transfers_agree_with_the_chain(
    market: Marketplace, played: tuple[Story, Collection, Collection]
) -> None:
    result = await verified(market, played[0].chain)
    assert result.disagreements == ()
    assert result.owners >= 3
    assert result.balances >= 1
    assert result.transfers >= 4


async def test_verify_tells_a_wrong_owner_with_what_the_chain_says(
    market: Marketplace, played: tuple[Story, Collection, Collection]
) -> None:
    story, single, _ = played
    wrong = Address(b"\xee" * 20)
    lie = f"UPDATE tokens SET owner = '\\x{wrong.hex()}' WHERE collection_ref = $1 AND token_id = 1"
    truth = f"UPDATE tokens SET owner = '\\x{story.wallet.address.hex()}' WHERE collection_ref = $1 AND token_id = 1"
    async with planted(market, lie, truth, single.contract):
        result = await verified(market, story.chain)
    subject = f"{single.contract.lower()} token 1"
    assert result.disagreements == (Disagreement("owner of", subject, wrong.checksum, story.wallet.address.checksum),)


async def test_verify_tells_a_wrong_balance_with_what_the_chain_says(
    market: Marketplace, played: tuple[Story, Collection, Collection]
) -> None:
    story, _, multi = played
    statement = "UPDATE token_balances SET amount = {} WHERE collection_ref = $1"
    async with planted(market, statement.format(1), statement.format(42), multi.contract):
        result = await verified(market, story.chain)
    subject = f"{multi.contract.lower()} token 7 of {story.wallet.address.text}"
    assert result.disagreements == (Disagreement("balance of", subject, "1", "42"),)


async def test_verify_tells_a_transfer_to_somebody_else_than_in_its_receipt(
    market: Marketplace, played: tuple[Story, Collection, Collection]
) -> None:
    story, single, _ = played
    statement = "UPDATE ownership_transfers SET recipient = '\\x{}' WHERE collection_ref = $1 AND token_id = 2"
    lie, truth = statement.format("ee" * 20), statement.format(story.wallet.address.hex())
    async with planted(market, lie, truth, single.contract):
        result = await verified(market, story.chain)
    (found,) = result.disagreements
    assert found.kind == "transfer"
    assert found.table == f"1 of {single.contract.lower()} token 2 from nobody to 0x{'ee' * 20}"
    assert found.chain == f"1 of {single.contract.lower()} token 2 from nobody to {story.wallet.address.text}"


async def test_a_seed_picks_the_same_rows_again_and_another_one_others(
    market: Marketplace, played: tuple[Story, Collection, Collection]
) -> None:
    async with (
        postgres.connected(market.stack.settings, "catalog_db") as database,
        at_one_moment(database, played[0].chain) as moment,
    ):
        picked = [tuple((await draw(moment, 1, seed)).tokens) for seed in [*range(12), *range(12)]]
    assert picked[:12] == picked[12:]
    assert len(set(picked)) > 1


async def command(market: Marketplace, *words: str) -> tuple[int, str]:
    """Exit code and output of the `mercato` command against this marketplace."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mercato.cli", *words, env={**os.environ, **market.stack.env, "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def test_the_commands_exit_with_one_and_name_the_row_only_when_something_is_wrong(
    market: Marketplace, played: tuple[Story, Collection, Collection]
) -> None:
    story, _, multi = played
    rebuild, verify = ("rebuild", "--chain", story.chain.caip2), ("verify", "--sample", "500", "--seed", "9")
    for words, well in ((rebuild, "Equal, row by row."), (verify, "seed 9")):
        code, said = await command(market, *words)
        assert (code, well in said) == (0, True), said
    statement = "UPDATE token_balances SET amount = {} WHERE collection_ref = $1"
    row = f"{multi.contract.lower()} token 7 of {story.wallet.address.text}"
    async with planted(market, statement.format(41), statement.format(42), multi.contract):
        for words in (rebuild, verify):
            code, said = await command(market, *words)
            assert (code, row in said) == (1, True), said


async def test_after_the_planted_rows_are_mended_all_is_equal_again(
    market: Marketplace, played: tuple[Story, Collection, Collection]
) -> None:
    assert differing(await rebuilt(market, played[0].chain)) == {}


@pytest.mark.parametrize("depth", [1, 5])
async def test_a_drilled_fork_is_taken_back_whole_and_ends_equal_to_a_clean_rebuild(
    market: Marketplace, depth: int
) -> None:
    chain, _ = market.nodes[1]
    steps: list[str] = []
    async with drilling(market.stack.settings, chain, depth, steps.append) as drill:
        result = await drill.run(depth)
    before, mined, gone, again = result.stages
    assert differing(result.rebuilt) == {}
    assert gone.tables == before.tables
    assert mined.tables["ownership_transfers"].rows == before.tables["ownership_transfers"].rows + depth
    assert again.tables["ownership_transfers"].rows == mined.tables["ownership_transfers"].rows
    assert again.tables["ownership_transfers"] != mined.tables["ownership_transfers"]
    assert again.tables["collection_holders"] == mined.tables["collection_holders"]
    assert (gone.point.generation, gone.point.number) == (before.point.generation + 1, mined.point.number)
    assert gone.point.hash != mined.point.hash
    assert len(steps) == 5


@pytest.mark.parametrize("depth", [0, 65])
async def test_a_drill_below_finality_is_refused_before_anything_is_sent(market: Marketplace, depth: int) -> None:
    chain, node = market.nodes[1]
    head = await node.block_number()
    with pytest.raises(InvalidArgument) as refused:
        async with drilling(market.stack.settings, chain, depth, print):
            pytest.fail("the drill began")
    assert refused.value.reason == "INVALID_DEPTH"
    assert await node.block_number() == head


async def test_a_drill_takes_only_a_development_node(market: Marketplace) -> None:
    async with recorded_node() as url, RpcPool(MAINNET, [Endpoint(url)]) as node:
        handle = ChainHandle(Chain(chain_id=MAINNET.caip2, gas_policy=GasPolicy(finality_depth=64)), node)
        with pytest.raises(FailedPrecondition) as refused:
            await check_depth(handle, 1)
    assert refused.value.reason == "NOT_A_DEVELOPMENT_CHAIN"


async def collection_on(market: Marketplace, chain: int) -> tuple[Story, Collection]:
    story = await market.signed_in_story(chain)
    intent = (await story.prepare_collection("ERC721", "ipfs://bafy", maxSupply="1000"))["intent"]
    await story.send(intent)
    ended = await story.until_ended(intent["id"])
    return story, Collection("ERC721", intent["contract"], Watched(intent, [], [], ended))


async def test_a_rebuild_is_equal_while_blocks_go_on_arriving(market: Marketplace) -> None:
    story, made = await collection_on(market, 1)
    minted = 0

    async def mint_on() -> None:
        nonlocal minted
        while True:
            await story.send((await story.prepare_mint(made, 1))["intent"])
            minted += 1

    minting = asyncio.create_task(mint_on())
    try:
        results = [await rebuilt(market, story.chain) for _ in range(3)]
    finally:
        minting.cancel()
        await asyncio.gather(minting, return_exceptions=True)
    assert [differing(result) for result in results] == [{}, {}, {}]
    assert results[0].point.number < results[2].point.number
    assert minted > 3


async def test_a_rebuild_that_a_fork_passes_through_starts_over_and_is_equal(market: Marketplace) -> None:
    story, made = await collection_on(market, 1)
    intent = (await story.prepare_mint(made, 1))["intent"]
    await story.send(intent)
    await story.until_ended(intent["id"])
    generation = (await rebuilt(market, story.chain)).point.generation
    applied: list[int] = []

    def fork_once(done: int, total: int) -> None:
        applied.append(done)
        if len(applied) == 1:  # the copy holds the mint now; it does not go on before the live tables have lost it
            with ThreadPoolExecutor(1) as elsewhere:
                elsewhere.submit(asyncio.run, fork(market, generation)).result()

    async with rebuilding(market.stack.settings) as tool:
        result = await tool.run(story.chain, fork_once)
    assert differing(result) == {}
    assert result.point.generation == generation + 1
    assert applied[-1] == applied[0] - 1


async def fork(market: Marketplace, generation: int) -> None:
    """Takes the newest block of the second chain away, and waits until the catalog has followed."""
    chain = market.stack.chains[1]
    async with RpcPool(chain.chain_id, [Endpoint(chain.url)]) as node:
        await node.raw("anvil_reorg", 1, [])
    connection = await asyncpg.connect(market.stack.settings.database_url("catalog_db"))
    try:
        find = "SELECT generation FROM sync_state WHERE chain_number = $1"
        async with asyncio.timeout(20):
            while await connection.fetchval(find, chain.chain_id) == generation:
                await asyncio.sleep(0.05)
    finally:
        await connection.close()


async def test_recorded_mainnet_blocks_are_rebuilt_equal_and_a_node_without_state_is_told_from_wrong_rows(
    tmp_path: Path,
) -> None:
    async with (
        LocalStack(tmp_path, services=["chains", "indexer", "catalog", "wallets"], chain_ids=()) as stack,
        recorded_node() as url,
    ):
        await indexed(stack.settings, url)
        async with rebuilding(stack.settings) as tool:
            # Wallets has no read point to wait for.
            async with asyncio.timeout(120):
                while differing(result := await tool.run(MAINNET, lambda done, total: None)):
                    await asyncio.sleep(0.5)
        with pytest.raises(FailedPrecondition) as refused:
            async with verifying(stack.settings) as verification:
                await verification.run(MAINNET, 5, 1)
    assert differing(result) == {}
    assert {t.table: t.rebuilt.rows for t in result.tables}["ownership_transfers"] == 3685
    assert {t.table: t.rebuilt.rows > 0 for t in result.tables if t.table in APPROVAL_TABLES} == dict.fromkeys(
        APPROVAL_TABLES, True
    )
    assert refused.value.reason == "NODE_WITHOUT_STATE"
