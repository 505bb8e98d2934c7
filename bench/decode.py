"""How fast logs become facts, beside eth-abi doing the least it can for the same logs.

    python -m bench.decode [--logs 20000]

Every ERC-721 and ERC-1155 movement of the recorded mainnet blocks, repeated up to the number asked. CPU time, best of
five. eth-abi decodes topics and data and keeps nothing else: no position, no block, no check of what kind of log it is.
"""

from __future__ import annotations

import argparse
import gzip
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import msgspec
from eth_abi.abi import decode as eth_abi_decode

from mercato.evm import topics
from mercato.evm.logs import RawLog, TransferFact, decode

_LOGS = Path(__file__).parents[1] / "tests" / "data" / "onchain" / "logs.jsonl.gz"
_ROUNDS = 5
_TYPES = {
    topics.TRANSFER: (("address", "address", "uint256"), ()),
    topics.TRANSFER_SINGLE: (("address", "address", "address"), ("uint256", "uint256")),
    topics.TRANSFER_BATCH: (("address", "address", "address"), ("uint256[]", "uint256[]")),
}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--logs", type=int, default=20_000)
    count = parser.parse_args().logs
    logs = list(islice(cycle(_movements()), count))
    body = msgspec.json.encode(logs)
    parse = msgspec.json.Decoder(list[RawLog]).decode
    ours = _cpu_seconds(lambda: decode(logs))
    peer = _cpu_seconds(lambda: [_with_eth_abi(log) for log in logs])
    whole = _cpu_seconds(lambda: decode(parse(body)))
    print(f"FIGURE decode {count / ours:.0f} logs/cpu-second")
    print(f"FIGURE decode_from_json {count / whole:.0f} logs/cpu-second")
    print(f"FIGURE eth_abi {count / peer:.0f} logs/cpu-second")
    print(f"RATIO decode_vs_eth_abi {peer / ours:.1f}")


def _movements() -> list[RawLog]:
    """The logs that decode to transfers, told apart by the code that is measured."""
    with gzip.open(_LOGS) as lines:
        logs = [msgspec.json.decode(line, type=RawLog) for line in lines]
    return [log for log in logs if any(isinstance(fact, TransferFact) for fact in decode([log]))]


def _with_eth_abi(log: RawLog) -> tuple[object, ...]:
    indexed, plain = _TYPES[log.topics[0]]
    words = bytes.fromhex("".join(topic[2:] for topic in log.topics[1:]))
    return (*eth_abi_decode(indexed, words), *eth_abi_decode(plain, bytes.fromhex(log.data[2:])))


def _cpu_seconds(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


if __name__ == "__main__":
    main()
