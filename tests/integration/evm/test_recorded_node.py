"""The recorded node, run as a process and asked over HTTP, answers as the chain did."""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from compiled import creation_code

from mercato.evm import topics
from mercato.evm.abi import Function
from mercato.evm.logs import RawLog, TransferFact, Undecodable, decode
from mercato.evm.rpc import BlockUnknown, Endpoint, RangeTooLarge, RpcError, RpcPool
from mercato.kit.ids import Address, ChainId

DATA = Path(__file__).parents[2] / "data" / "onchain"
FIRST, LAST = 4_625_198, 19_575_404


@asynccontextmanager
async def recorded(*arguments: str) -> AsyncIterator[str]:
    """The URL of a recorded node of its own process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mercato.evm.recorded", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            line = (await process.stdout.readline()).decode()
        assert "on http://" in line, line
        yield line.split()[-1]
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    async with recorded(str(DATA), "0") as running:
        yield running


@pytest.fixture(scope="module")
async def mainnet(url: str) -> AsyncIterator[RpcPool]:
    async with RpcPool(ChainId(1), [Endpoint(url)]) as pool:
        yield pool


def lines(name: str) -> list[Any]:
    with gzip.open(DATA / name) as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="module")
def blocks() -> list[Any]:
    return sorted(lines("blocks.jsonl.gz"), key=lambda block: int(block["number"], 16))


@pytest.fixture(scope="module")
def logs() -> list[RawLog]:
    return [msgspec.convert(line, RawLog) for line in lines("logs.jsonl.gz")]


async def test_chain_is_mainnet_up_to_the_last_block(mainnet: RpcPool) -> None:
    assert await mainnet.chain_id() == 1
    assert await mainnet.block_number() == LAST


async def test_every_block_is_found_by_number_and_by_hash(mainnet: RpcPool, blocks: list[Any]) -> None:
    assert len(blocks) == 67
    headers = await mainnet.headers([int(block["number"], 16) for block in blocks])

    for block, header in zip(blocks, headers, strict=True):
        assert header is not None
        assert "0x" + header.hash.hex() == block["hash"]
        assert "0x" + header.parent_hash.hex() == block["parentHash"]
        assert header.timestamp == int(block["timestamp"], 16)
        assert await mainnet.find_header(header.hash) == header


async def test_tags_name_the_ends_of_the_recording(mainnet: RpcPool) -> None:
    tags = {tag: await mainnet.find_header(tag) for tag in ("earliest", "latest", "safe", "finalized")}

    assert {tag: header and header.number for tag, header in tags.items()} == {
        "earliest": FIRST,
        "latest": LAST,
        "safe": LAST,
        "finalized": LAST,
    }


async def test_block_in_a_gap_is_not_there(mainnet: RpcPool) -> None:
    assert await mainnet.find_header(FIRST + 1) is None
    assert await mainnet.find_header(LAST + 1) is None
    assert await mainnet.find_header(b"\x01" * 32) is None
    assert await mainnet.logs(FIRST + 1, FIRST + 1) == []
    with pytest.raises(BlockUnknown):
        await mainnet.logs(LAST + 1, LAST + 9)
    with pytest.raises(BlockUnknown):
        await mainnet.logs_by_hash(b"\x01" * 32)
    with pytest.raises(BlockUnknown):
        await mainnet.block_receipts(FIRST + 1)


async def test_all_logs_come_in_chain_order_and_give_the_expected_movements(
    mainnet: RpcPool, logs: list[RawLog]
) -> None:
    served = await mainnet.logs(0, LAST)

    assert len(served) == 21_410
    assert sorted(served, key=chain_order) == served
    assert served == sorted(logs, key=chain_order)
    assert sum(isinstance(fact, TransferFact) for fact in decode(served)) == 3685


def chain_order(log: RawLog) -> tuple[int, int]:
    return int(log.block_number, 16), int(log.log_index, 16)


async def test_logs_are_filtered_as_a_node_filters(mainnet: RpcPool, logs: list[RawLog]) -> None:
    single = [log for log in logs if log.topics and log.topics[0] == topics.TRANSFER_SINGLE]
    sample = single[0]
    contract = Address.parse(sample.address)
    either = {topics.TRANSFER_SINGLE, topics.TRANSFER_BATCH}

    assert await mainnet.logs(0, LAST, addresses=[contract]) == of(logs, lambda log: log.address == sample.address)
    assert await mainnet.logs(0, LAST, topics=[sorted(either)]) == of(
        logs, lambda log: bool(log.topics) and log.topics[0] in either
    )
    assert await mainnet.logs(0, LAST, topics=[None, None, None, sample.topics[3]]) == of(
        logs, lambda log: len(log.topics) == 4 and log.topics[3] == sample.topics[3]
    )
    assert await mainnet.logs(0, LAST, topics=[topics.TRANSFER, None, None]) == of(
        logs, lambda log: bool(log.topics) and log.topics[0] == topics.TRANSFER
    )
    block_hash = bytes.fromhex(sample.block_hash[2:])
    assert await mainnet.logs_by_hash(block_hash, topics=[topics.TRANSFER_SINGLE]) == of(
        single, lambda log: log.block_hash == sample.block_hash
    )


def of(logs: list[RawLog], wanted: Any) -> list[RawLog]:
    return sorted(filter(wanted, logs), key=chain_order)


async def test_transactions_and_receipts_are_served_as_far_as_the_data_goes(
    mainnet: RpcPool, logs: list[RawLog]
) -> None:
    row = lines("txs.jsonl.gz")[5]
    tx_hash = bytes.fromhex(row["hash"][2:])

    transaction, receipt = await mainnet.find_transaction(tx_hash), await mainnet.find_receipt(tx_hash)

    assert transaction is not None
    assert receipt is not None
    assert transaction.sender.checksum == row["from"]
    assert transaction.to is not None
    assert transaction.to.checksum == row["to"]
    assert (transaction.value, transaction.nonce) == (int(row["value"], 16), int(row["nonce"], 16))
    assert (receipt.succeeded, receipt.gas_used) == (row["status"] == "0x1", int(row["gasUsed"], 16))
    assert list(receipt.logs) == of(logs, lambda log: log.transaction_hash == row["hash"])
    assert receipt in await mainnet.block_receipts(receipt.block_hash)
    assert await mainnet.find_receipt(b"\x01" * 32) is None


async def test_range_over_the_limit_is_refused_as_a_provider_would() -> None:
    async with (
        recorded(str(DATA), "0", "--max-range", "1000") as limited,
        RpcPool(ChainId(1), [Endpoint(limited)]) as pool,
    ):
        assert len(await pool.logs(LAST - 999, LAST)) > 0
        with pytest.raises(RangeTooLarge) as refused:
            await pool.logs(LAST - 1000, LAST)

    assert refused.value.suggested == (LAST - 1000, LAST - 1)


async def test_what_needs_state_is_refused(mainnet: RpcPool) -> None:
    with pytest.raises(RpcError) as refused:
        await mainnet.call(Address(b"\x01" * 20), b"")

    assert refused.value.code == -32601


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"[1]", -32600),
        (b'{"id":1}', -32600),
        (b'{"id":1,"method":"eth_getLogs","params":[]}', -32602),
        (b'{"id":1,"method":"eth_getLogs","params":[{"fromBlock":"0x2","toBlock":"0x1"}]}', -32602),
        (b'{"id":1,"method":"eth_getBlockByNumber","params":["0xzz",false]}', -32602),
        (b'{"id":1,"method":"eth_getBlockByHash","params":[5]}', -32602),
    ],
)
async def test_broken_request_gets_the_error_of_json_rpc(url: str, body: bytes, code: int) -> None:
    async with aiohttp.ClientSession() as session, session.post(url, data=body) as response:
        answer = await response.json()

    error = answer[0]["error"] if isinstance(answer, list) else answer["error"]
    assert error["code"] == code


async def test_batches_chunked_bodies_and_statistics_work(url: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'[{"jsonrpc":"2.0","id":"a","method":"eth_blockNumber"},'
        yield b'{"jsonrpc":"2.0","id":2,"method":"eth_nothing","params":[]}]'

    async with aiohttp.ClientSession() as session:
        await session.get(url + "/reset")
        async with session.post(url, data=chunks(), headers={"Expect": "100-continue"}) as response:
            first, second = await response.json()
        async with session.get(url + "/stats") as response:
            statistics = await response.json()

    assert first == {"jsonrpc": "2.0", "id": "a", "result": hex(LAST)}
    assert (second["id"], second["error"]["code"]) == (2, -32601)
    assert statistics == {"calls": {"eth_blockNumber": 1, "eth_nothing": 1}}


async def test_recording_of_a_node_answers_as_the_node_does(chain: RpcPool, tmp_path: Path) -> None:
    emitter = await create(chain, creation_code()["Emitter"])
    for token_id in range(1, 6):
        await transact(chain, emitter, Function("transfer(address,uint256)").encode(emitter, token_id))
    await transact(chain, emitter, Function("transferSingle(address,uint256,uint256)").encode(emitter, 7, 3))
    head = await chain.block_number()
    file = tmp_path / "chain.jsonl.gz"
    with gzip.open(file, "wt") as out:
        for number in map(hex, range(head + 1)):
            block = await chain.raw("eth_getBlockByNumber", number, True)
            out.write(json.dumps({"block": block, "receipts": await chain.raw("eth_getBlockReceipts", number)}) + "\n")

    async with recorded(str(file), "0") as url, RpcPool(ChainId(31337), [Endpoint(url)]) as replay:
        assert await replay.block_number() == head
        assert await replay.headers(range(head + 1)) == await chain.headers(range(head + 1))
        assert await replay.find_block(head) == await chain.find_block(head)
        assert await replay.block_receipts(head) == await chain.block_receipts(head)
        for pool in (replay, chain):
            with pytest.raises(BlockUnknown):
                await pool.logs(head + 1, head + 9)
        for span in ((0, head), (head - 3, head - 1), (head, head + 9)):
            for addresses in ((), (emitter,), (Address(b"\x01" * 20),)):
                for wanted in ([], [topics.TRANSFER], [[topics.TRANSFER, topics.TRANSFER_SINGLE]], [None]):
                    answer = await replay.logs(*span, addresses=addresses, topics=wanted)
                    assert answer == await chain.logs(*span, addresses=addresses, topics=wanted)
        facts = decode(await replay.logs(0, head, addresses=[emitter]))

    assert [fact.token_id for fact in facts if isinstance(fact, TransferFact)] == [1, 2, 3, 4, 5, 7]
    assert not any(isinstance(fact, Undecodable) for fact in facts)


async def create(chain: RpcPool, code: bytes) -> Address:
    receipt = await chain.find_receipt(await transact(chain, None, code))
    assert receipt is not None
    assert receipt.contract_address is not None
    return receipt.contract_address


async def transact(chain: RpcPool, to: Address | None, data: bytes) -> bytes:
    (sender, *_) = await chain.raw("eth_accounts")
    fields = {"from": sender, "data": "0x" + data.hex(), "gas": hex(2_000_000)}
    tx_hash = bytes.fromhex((await chain.raw("eth_sendTransaction", fields | ({"to": to.text} if to else {})))[2:])
    while await chain.find_receipt(tx_hash) is None:
        await asyncio.sleep(0.01)
    return tx_hash
