"""`python -m tests.fuzz [SECONDS [SEED]]`: a marketplace of its own, fuzzed; ends with 1 when anything went wrong."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.fuzz.run import SEED, fuzz
from tests.marketplace import marketplace

_SECONDS = 600


async def main(seconds: int = _SECONDS, seed: int = SEED) -> int:
    with tempfile.TemporaryDirectory(prefix="mercato-fuzz-") as home:
        async with marketplace(Path(home), MERCATO_AUTH_RATE_LIMIT="1000000") as market:
            found = await fuzz(market, seconds, seed=seed)
    for fault in found:
        print(f"\nFAULT {fault}")
    print(f"\n{len(found)} fault(s) in {seconds} s of fuzzing with seed {seed}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*map(int, sys.argv[1:]))))
