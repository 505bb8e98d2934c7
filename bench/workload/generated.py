"""A node with a chain of any length that nobody recorded: every answer is made when it is asked for.

python -m bench.workload.generated BLOCKS PORT

Each block has 2 batch mints of 1 to 10 tokens and up to 9 transfers of recent tokens, about 20 events, as the recording
has. What happens is drawn once, from a fixed seed, and kept in 10 bytes an event; the JSON of blocks and logs is made
of that while a request is answered.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import random
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import uvloop

from bench.workload.expected import EndState
from bench.workload.plan import HOLDERS, LARGEST_MINT, MINTS_PER_BLOCK, RECENT_TOKENS, TRANSFERS_PER_BLOCK
from mercato.evm.recorded import Refused, serve
from mercato.services.indexer.model.bloom import of_items

SEED = 43
CHAIN = 31_338
GENESIS_TIME, BLOCK_SECONDS = 1_700_000_000, 12
COLLECTION = "0x" + "c011ec710" + "0" * 31

_NOBODY = 0xFFFF
_TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
_FIRST_HOLDER = (0xB1 << 152) + 0x1000
_ENCODE = msgspec.json.encode
_NAMED = 16
"""A block's hash ends with its number, so that it can be found by it: the last 16 hex digits."""

Movement = tuple[int, int, int, int]
"""Index of the transaction in its block, token, from, to; people by number."""


class GeneratedChain:
    """Blocks 1 to `length`; block 0 is there and empty."""

    def __init__(self, length: int, seed: int = SEED) -> None:
        self.head = length
        self.calls: Counter[str] = Counter()
        self._starts = array("I", [0, 0])
        self._columns = (array("H"), array("I"), array("H"), array("H"))
        for movements in _story(length, seed):
            for movement in movements:
                for column, value in zip(self._columns, movement, strict=True):
                    column.append(value)
            self._starts.append(len(self._columns[0]))
        self._methods: dict[str, Callable[[list[Any]], bytes]] = {
            "eth_chainId": lambda _: _ENCODE(hex(CHAIN)),
            "eth_blockNumber": lambda _: _ENCODE(hex(self.head)),
            "eth_getBlockByNumber": lambda p: self._block(self._number(p[0])),
            "eth_getBlockByHash": lambda p: self._block(_number_of(p[0])),
            "eth_getLogs": self._logs,
        }

    @property
    def events(self) -> int:
        return len(self._columns[0])

    def answer(self, method: str, params: list[Any]) -> bytes:
        """The JSON of the result. Raises `Refused`."""
        self.calls[method] += 1
        if method not in self._methods:
            raise Refused(-32601, f"the method {method} does not exist/is not available")
        return self._methods[method](params)

    def end(self) -> EndState:
        """What every reader must have after the last block."""
        _, tokens, sources, targets = self._columns
        owners: dict[int, int] = {}
        balances: Counter[int] = Counter()
        for token, source, target in zip(tokens, sources, targets, strict=True):
            owners[token] = target
            balances[target] += 1
            if source != _NOBODY:
                balances[source] -= 1
        listing = ",".join(f"{token}0x{_person(owners[token])}" for token in sorted(owners))
        digest = hashlib.md5(listing.encode(), usedforsecurity=False).hexdigest()
        return EndState(self.head, self.events, len(owners), digest, balances.total())

    def _number(self, tag: str) -> int:
        return int(tag, 16) if tag.startswith("0x") else {"earliest": 0}.get(tag, self.head)

    def _block(self, number: int) -> bytes:
        if not 0 <= number <= self.head:
            return b"null"
        topics = {bytes.fromhex(topic[2:]) for movement in self._movements(number) for topic in _topics(movement)}
        if topics:
            topics.add(bytes.fromhex(COLLECTION[2:]))
        block = {
            "number": hex(number),
            "hash": _hash(number),
            "parentHash": _hash(number - 1) if number else "0x" + "0" * 64,
            "timestamp": hex(GENESIS_TIME + number * BLOCK_SECONDS),
            "logsBloom": f"0x{of_items(topics):0512x}",
            "gasLimit": hex(10**9),
            "baseFeePerGas": "0x0",
            "transactions": [],
        }
        return _ENCODE(block)

    def _logs(self, params: list[Any]) -> bytes:
        wanted = params[0]
        if named := wanted.get("blockHash"):
            first = last = _number_of(named)
        else:
            first, last = self._number(wanted["fromBlock"]), min(self._number(wanted["toBlock"]), self.head)
        parts = [log for number in range(max(first, 1), last + 1) for log in self._block_logs(number)]
        return f"[{','.join(parts)}]".encode()

    def _block_logs(self, number: int) -> Iterator[str]:
        hash_, time = _hash(number), hex(GENESIS_TIME + number * BLOCK_SECONDS)
        for index, movement in enumerate(self._movements(number)):
            signature, source, target, token = _topics(movement)
            yield (
                f'{{"address":"{COLLECTION}","topics":["{signature}","{source}","{target}","{token}"],"data":"0x",'
                f'"blockNumber":"{number:#x}","blockHash":"{hash_}","blockTimestamp":"{time}",'
                f'"transactionHash":"0x{number:032x}{movement[0]:032x}","transactionIndex":"{movement[0]:#x}",'
                f'"logIndex":"{index:#x}","removed":false}}'
            )

    def _movements(self, number: int) -> Iterator[Movement]:
        first, last = self._starts[number : number + 2] if number else (0, 0)
        return zip(*(column[first:last] for column in self._columns), strict=True)


def _story(length: int, seed: int) -> Iterator[list[Movement]]:
    """The movements of each block; the same seed tells the same for ever."""
    draw = random.Random(seed)
    owners = array("H", [_NOBODY])  # by token; ids start at 1
    for _ in range(length):
        newest = len(owners) - 1
        movements: list[Movement] = []
        for place in range(MINTS_PER_BLOCK):
            to = draw.randrange(HOLDERS)
            for _ in range(draw.randint(1, LARGEST_MINT)):
                movements.append((place, len(owners), _NOBODY, to))
                owners.append(to)
        moved = {
            draw.randint(max(1, newest - RECENT_TOKENS), newest) for _ in range(TRANSFERS_PER_BLOCK if newest else 0)
        }
        for place, token in enumerate(sorted(moved), start=MINTS_PER_BLOCK):
            to = draw.randrange(HOLDERS)
            movements.append((place, token, owners[token], to))
            owners[token] = to
        yield movements


def _topics(movement: Movement) -> tuple[str, str, str, str]:
    _, token, source, target = movement
    return _TRANSFER, _word(source), _word(target), f"0x{token:064x}"


def _word(person: int) -> str:
    return "0x" + "0" * 24 + _person(person)


def _person(person: int) -> str:
    return "0" * 40 if person == _NOBODY else f"{_FIRST_HOLDER + person:040x}"


def _hash(number: int) -> str:
    digest = hashlib.blake2b(number.to_bytes(8), digest_size=24).hexdigest()
    return f"0x{digest}{number:0{_NAMED}x}"


def _number_of(hash_: str) -> int:
    number = int(hash_[-_NAMED:], 16)
    return number if hash_ == _hash(number) else -1


async def _serve(blocks: int, port: int) -> None:
    chain = GeneratedChain(blocks)
    gc.freeze()
    server = await serve(chain, port=port)
    host, bound = server.sockets[0].getsockname()[:2]
    end = chain.end()
    print(
        f"chain {CHAIN}: {blocks} blocks up to {chain.head}, {chain.events} logs, on http://{host}:{bound}", flush=True
    )
    print(msgspec.json.encode(end).decode(), flush=True)
    async with asyncio.TaskGroup() as forever:
        forever.create_task(server.serve_forever())


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("blocks", type=int)
    parser.add_argument("port", type=int, help="0 takes a free one")
    options = parser.parse_args()
    uvloop.run(_serve(options.blocks, options.port))


if __name__ == "__main__":
    main()
