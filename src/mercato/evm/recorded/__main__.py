"""The command that serves a recording until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import gc
from pathlib import Path

import uvloop

from mercato.evm.recorded import load, serve


def main() -> None:
    """``python -m mercato.evm.recorded SOURCE PORT``."""
    parser = argparse.ArgumentParser(prog="python -m mercato.evm.recorded", description=__doc__)
    parser.add_argument("source", type=Path, help="a recording, or a folder with blocks, logs and txs")
    parser.add_argument("port", type=int, help="0 takes a free one")
    parser.add_argument("--max-range", type=int, default=0, help="most blocks of one eth_getLogs; default: no limit")
    options = parser.parse_args()
    uvloop.run(_serve(options.source, options.port, options.max_range))


async def _serve(source: Path, port: int, max_range: int) -> None:
    chain = load(source, max_range)
    # The recording never changes: no collection should ever walk over it again.
    gc.freeze()
    gc.disable()
    server = await serve(chain, port=port)
    host, bound = server.sockets[0].getsockname()[:2]
    logs = sum(len(block.logs) for block in chain.blocks)
    print(
        f"chain {chain.chain_id}: {len(chain.blocks)} blocks up to {chain.head}, {logs} logs, on http://{host}:{bound}",
        flush=True,
    )
    async with asyncio.TaskGroup() as forever:
        forever.create_task(server.serve_forever())


if __name__ == "__main__":
    main()
