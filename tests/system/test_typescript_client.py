"""The story as a program of Node plays it with the TypeScript client of clients/typescript."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tests.marketplace import Marketplace

_CLIENT = Path(__file__).resolve().parents[2] / "clients" / "typescript"
_PATIENCE = 120.0


async def test_the_story_can_be_played_with_the_typescript_client(market: Marketplace) -> None:
    """Its own tests say what is played: clients/typescript/test."""
    chain = market.stack.chains[0]
    node = await asyncio.create_subprocess_exec(
        "node", "--test", "--test-reporter=tap", "dist/test/story.test.js",
        cwd=_CLIENT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={
            "PATH": os.environ["PATH"], "MERCATO_URL": market.url, "MERCATO_NODE": chain.url,
            "MERCATO_CHAIN": chain.chain_id.caip2,
        },
    )  # fmt: skip
    try:
        async with asyncio.timeout(_PATIENCE):
            told = (await node.communicate())[0].decode()
    finally:
        if node.returncode is None:
            node.kill()
            await node.wait()
    assert node.returncode == 0, told
    assert "# pass 4\n# fail 0\n" in told, told
