"""What every indexer must have after reading the recording, from the recording alone.

python -m bench.workload.expected RECORDING.jsonl.gz LAST_BLOCK…
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

_NOBODY = "0x" + "0" * 40


@dataclass(frozen=True)
class EndState:
    """The tables' digest after the transfers of all blocks up to `block`."""

    block: int
    transfers: int
    tokens: int
    owners_md5: str
    """Of ``id`` + ``owner`` (lower-case hex) of all tokens by id, joined with commas."""

    balances: int
    """Sum over all holders."""


RECORDED = (
    "0xf98e3f6bdfd60dc7f384c4232e7d4cc191974e9e",
    EndState(5001, 99_941, 54_996, "f7ce01d93aa428cb5598bc4945e48d55", 54_996),
)
"""Collection and end of the standard recording (5,000 blocks, seed 42), which the peers were measured with too."""


def end_states(recording: Path, last_blocks: list[int]) -> Iterator[EndState]:
    """One state for each of `last_blocks`, in ascending order."""
    wanted = sorted(last_blocks)
    owners: dict[int, str] = {}
    balances: dict[str, int] = {}
    transfers = 0
    with gzip.open(recording) as lines:
        for line in lines:
            record = orjson.loads(line)
            while wanted and int(record["block"]["number"], 16) > wanted[0]:
                yield _state(wanted.pop(0), transfers, owners, balances)
            for log in (log for receipt in record["receipts"] for log in receipt["logs"]):
                source, to = ("0x" + topic[26:] for topic in log["topics"][1:3])
                transfers += 1
                owners[int(log["topics"][3], 16)] = to
                balances[to] = balances.get(to, 0) + 1
                if source != _NOBODY:
                    balances[source] -= 1
    for block in wanted:
        yield _state(block, transfers, owners, balances)


def _state(block: int, transfers: int, owners: dict[int, str], balances: dict[str, int]) -> EndState:
    listing = ",".join(f"{token}{owners[token]}" for token in sorted(owners))
    digest = hashlib.md5(listing.encode(), usedforsecurity=False).hexdigest()
    return EndState(block, transfers, len(owners), digest, sum(balances.values()))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("recording", type=Path)
    parser.add_argument("last_block", type=int, nargs="+")
    options = parser.parse_args()
    for state in end_states(options.recording, options.last_block):
        print(state)


if __name__ == "__main__":
    main()
