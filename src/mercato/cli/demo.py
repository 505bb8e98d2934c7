"""`mercato demo`: starts the local stack and plays the story on it, each step with its latency."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiohttp
from cyclopts import App
from rich.console import Console

from mercato.evm.rpc import Endpoint, RpcPool
from mercato.stack.seeding import LocalChain
from mercato.story.api import Api
from mercato.story.play import HAPPY_PATH, Step, Story

app = App(name="demo", help="Start the local stack and play the whole story on it.")

_out = Console(highlight=False)


@app.default
def demo() -> None:
    """Start what is not running, then sign in, create collections, mint, and watch every step arrive.

    Uses a fresh key each time and only the public GraphQL API; leaves the stack running.
    """
    from mercato.cli.stack import bring_up

    settings, chains = bring_up()
    url = f"http://{settings.host}:{settings.gateway_port}"
    asyncio.run(play(url, chains))
    _out.print(f"\n[bold]The stack is up.[/] Open [link={url}]{url}[/] and do the same by hand.")
    _out.print(f"  GraphiQL  {url}/graphql\n  status    .venv/bin/mercato status\n  stop      make down")


async def play(url: str, chains: Sequence[LocalChain]) -> None:
    """The story on the first chain, printed step by step. Raises when a step does not end as it should."""
    chain = chains[0]
    async with aiohttp.ClientSession() as session, RpcPool(chain.chain_id, [Endpoint(chain.url)]) as node:
        story = Story(Api(session, url), node, chain.chain_id, tell=_tell)
        _out.print(f"\n[bold]A newcomer on {chain.chain_id.caip2}[/], by the public API at {url}\n")
        await story.fund()
        await story.sign_in()
        async with story.api.socket() as socket:
            await story.hear_own_events(socket, {"UserLoggedIn", "WalletLinked"})
            _, uri = await story.upload()
            for standard, quantity in (("ERC721", 3), ("ERC1155", 40)):
                made = await story.create_collection(socket, standard, uri)
                minted = await story.mint(socket, made, quantity)
                for watched in (made.watched, minted):
                    if watched.states != HAPPY_PATH:
                        raise RuntimeError(f"an intent went {' → '.join(watched.states)}")
                await story.until_named(made, 1)
                found = await story.read_collection(made)
                _out.print(
                    f"{'':>10}   {found['name']}: supply {found['supply']}, {found['tokenCount']} token(s), "
                    f"{found['holderCount']} holder(s)"
                )
        feed = await story.read_activities(made)
        _out.print(f"{'':>10}   the feed of the last collection has {len(feed)} entries")


def _tell(step: Step) -> None:
    _out.print(f"[dim]{step.seconds * 1000:>7.0f} ms[/]   {step.name:<34} [dim]{step.detail}[/]", soft_wrap=True)
