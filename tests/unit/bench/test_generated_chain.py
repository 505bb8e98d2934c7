"""The generated chain is one that a careful reader believes: linked, complete, the same each time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bench.workload.generated import COLLECTION, GeneratedChain

from mercato.evm.recorded import Refused
from mercato.services.indexer.model.bloom import unaccounted

BLOCKS = 40


@pytest.fixture(scope="module")
def chain() -> GeneratedChain:
    return GeneratedChain(BLOCKS)


def ask(chain: GeneratedChain, method: str, *params: object) -> Any:
    return json.loads(chain.answer(method, list(params)))


def test_each_block_follows_the_one_before_it_and_is_found_by_its_hash(chain: GeneratedChain) -> None:
    blocks = [ask(chain, "eth_getBlockByNumber", hex(number), False) for number in range(BLOCKS + 1)]
    assert [int(block["number"], 16) for block in blocks] == list(range(BLOCKS + 1))
    assert [block["parentHash"] for block in blocks[1:]] == [block["hash"] for block in blocks[:-1]]
    assert ask(chain, "eth_getBlockByHash", blocks[7]["hash"], False) == blocks[7]
    assert ask(chain, "eth_getBlockByNumber", "latest", False) == blocks[-1]
    assert ask(chain, "eth_getBlockByNumber", hex(BLOCKS + 1), False) is None
    assert ask(chain, "eth_getBlockByHash", "0x" + "ab" * 32, False) is None


def test_a_range_of_logs_is_what_its_blocks_have_and_what_their_headers_promise(chain: GeneratedChain) -> None:
    everything = ask(chain, "eth_getLogs", {"fromBlock": "0x0", "toBlock": hex(BLOCKS)})
    assert len(everything) == chain.events == chain.end().transfers
    for number in (1, 2, BLOCKS):
        header = ask(chain, "eth_getBlockByNumber", hex(number), False)
        logs = ask(chain, "eth_getLogs", {"blockHash": header["hash"]})
        assert logs == [log for log in everything if int(log["blockNumber"], 16) == number]
        assert [int(log["logIndex"], 16) for log in logs] == list(range(len(logs)))
        items = {bytes.fromhex(text[2:]) for log in logs for text in (log["address"], *log["topics"])}
        assert {len(item) for item in items} == {20, 32}
        assert not unaccounted(int(header["logsBloom"], 16), items)
        assert unaccounted(int(header["logsBloom"], 16), items - {bytes.fromhex(COLLECTION[2:])})


def test_the_end_is_what_the_logs_add_up_to(chain: GeneratedChain) -> None:
    owners: dict[int, str] = {}
    for log in ask(chain, "eth_getLogs", {"fromBlock": "0x1", "toBlock": "latest"}):
        source, to, token = (int(topic, 16) for topic in log["topics"][1:])
        assert hex(source) == owners.get(token, "0x0")
        owners[token] = hex(to)
    assert (chain.end().tokens, chain.end().balances) == (len(owners), len(owners))


def test_the_same_seed_tells_the_same_and_a_longer_chain_goes_on_from_it(chain: GeneratedChain) -> None:
    wanted = {"fromBlock": "0x1", "toBlock": hex(BLOCKS)}
    longer = GeneratedChain(BLOCKS * 2)
    assert ask(longer, "eth_getLogs", wanted) == ask(chain, "eth_getLogs", wanted)
    assert GeneratedChain(BLOCKS, seed=1).end() != chain.end()


def test_what_it_does_not_serve_is_refused(chain: GeneratedChain) -> None:
    with pytest.raises(Refused):
        chain.answer("eth_call", [])
