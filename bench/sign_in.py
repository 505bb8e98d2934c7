"""Sign-ins per second through the gateway: a nonce, a signature, a verification, each by another wallet.

Two rounds of the same wallets: the first makes each user, profile and wallet, the second meets them again. A
sign-in's latency is that of its two requests; signing between them is the client's work and not counted in it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import aiohttp

from bench.cpu import reading
from bench.ground import BENCH, processes, running_stack
from bench.report import Report, console
from mercato.kit.ids import ChainId
from mercato.stack import LocalStack
from mercato.story import documents
from mercato.story.api import Api
from mercato.story.wallet import Wallet

CONCURRENCY = 16
VISITORS = 600
_WARM_UP = 48
_SERVICES = ("gateway", "auth", "users", "wallets", "chains", "subscriptions")
_SERVERS = ("postgres", "rabbitmq", "redis", "anvil")
_NO_LIMIT = {"MERCATO_AUTH_RATE_LIMIT": "1000000"}
"""All visitors of a bench come from one address, which the limit is there to stop."""


async def measure() -> Report:
    """Runs the bench on a stack of its own."""
    async with running_stack(services=_SERVICES, servers=_SERVERS, env=_NO_LIMIT) as stack:
        report = Report(f"Sign-in through the gateway: {VISITORS} wallets, {CONCURRENCY} at a time")
        console.print(f"{_WARM_UP} sign-ins to warm up, then two rounds of {VISITORS} …")
        connector = aiohttp.TCPConnector(limit=CONCURRENCY)
        async with aiohttp.ClientSession(connector=connector) as session:
            await _sign_in_all(session, stack, [Wallet() for _ in range(_WARM_UP)])
            wallets = [Wallet() for _ in range(VISITORS)]
            for name in ("sign_in.new", "sign_in.again"):
                await _round(name, session, stack, wallets, report)
        return report


async def _round(
    name: str, session: aiohttp.ClientSession, stack: LocalStack, wallets: list[Wallet], report: Report
) -> None:
    before = reading(processes(stack))
    latencies = await _sign_in_all(session, stack, wallets)
    spent = reading(processes(stack)) - before
    report.figure(f"{name}.per_second", len(latencies) / spent.at, "1/s")
    report.latencies(name, latencies)
    report.figure(f"{name}.cpu_each", spent.without(BENCH).total / len(latencies) * 1000, "ms")
    report.cpu(name, spent, apart=(BENCH,))


async def _sign_in_all(session: aiohttp.ClientSession, stack: LocalStack, wallets: list[Wallet]) -> list[float]:
    """The latency of each sign-in in seconds; `CONCURRENCY` visitors at a time."""
    url, chain = f"http://127.0.0.1:{stack.ports['gateway']}", stack.chains[0].chain_id
    waiting, latencies = iter(wallets), list[float]()

    async def visitor(queue: Iterator[Wallet]) -> None:
        for wallet in queue:
            latencies.append(await _sign_in(Api(session, url), wallet, chain))

    await asyncio.gather(*(visitor(waiting) for _ in range(CONCURRENCY)))
    return latencies


async def _sign_in(api: Api, wallet: Wallet, chain: ChainId) -> float:
    started = time.perf_counter()
    asked = await api.execute(documents.REQUEST_NONCE, address=wallet.address.checksum, chain=chain.caip2)
    nonce_seconds = time.perf_counter() - started
    message = asked["requestNonce"]["message"]
    signature = wallet.sign_message(message)
    started = time.perf_counter()
    answer = await api.execute(documents.SIGN_IN, message=message, signature=signature)
    assert answer["signIn"]["tokens"]["accessToken"]
    return nonce_seconds + time.perf_counter() - started


def main() -> None:
    """The command."""
    asyncio.run(measure()).show()


if __name__ == "__main__":
    main()
