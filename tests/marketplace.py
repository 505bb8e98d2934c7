"""A running marketplace as its users meet it, for the tests that play them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from mercato.evm.rpc import Endpoint, RpcPool
from mercato.kit.ids import ChainId
from mercato.story.api import Api
from mercato.story.play import Story
from mercato.story.wallet import Wallet

if TYPE_CHECKING:
    from mercato.stack import LocalStack


ADMIN = Wallet("0x" + "ad" * 32)
"""The wallet of the marketplace's admin."""


@dataclass
class Marketplace:
    """A running stack and a way to send newcomers into it."""

    stack: LocalStack
    session: aiohttp.ClientSession
    nodes: list[tuple[ChainId, RpcPool]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.stack.settings.gateway_port}"

    def story(self, chain: int = 0) -> Story:
        """A newcomer with a fresh key on the first or second local chain."""
        chain_id, node = self.nodes[chain]
        return Story(Api(self.session, self.url), node, chain_id)

    async def signed_in_story(self, chain: int = 0) -> Story:
        story = self.story(chain)
        await story.fund()
        await story.sign_in()
        return story


@asynccontextmanager
async def marketplace(home: Path, **env: str) -> AsyncIterator[Marketplace]:
    """All servers, one process per service, two seeded chains; nothing of it after the block. `env` are settings.

    Everybody comes from one address here: who must not use up the tries of the others says another in
    ``X-Forwarded-For``. The page is as before it was built.
    """
    from mercato.stack import LocalStack

    env = {
        "MERCATO_ADMIN_ADDRESSES": ADMIN.address.checksum,
        "MERCATO_TRUSTED_PROXIES": "127.0.0.1",
        "MERCATO_WEB_DIR": str(home / "web"),
        **env,
    }
    async with AsyncExitStack() as opened:
        running = await opened.enter_async_context(LocalStack(home, env=env))
        nodes = [
            (chain.chain_id, await opened.enter_async_context(RpcPool(chain.chain_id, [Endpoint(chain.url)])))
            for chain in running.chains
        ]
        session = await opened.enter_async_context(aiohttp.ClientSession())
        yield Marketplace(running, session, nodes)
