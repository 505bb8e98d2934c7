"""Our back-fill beside Ponder's and Envio's: the same recording, the same replay node, alternating in one run.

Ours is counted whole: indexer, catalog, registry, broker, PostgreSQL, Redis and the document store, from the
registration of the node to the last row. A peer is its process and PostgreSQL, from its start to its own word that its
history is read.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from typing import Protocol

from bench import backfill
from bench.backfill import Backfill, ReplayNode
from bench.ground import BENCH
from bench.peers.run import PeerRun
from bench.peers.with_envio import Envio
from bench.peers.with_ponder import Ponder
from bench.report import Ratio, Report, console

ROUNDS = 3


class Peer(Protocol):
    """Another indexer."""

    name: str

    async def prepare(self, node: ReplayNode) -> None:
        """Installs what is not there; nothing of it is measured."""

    async def run(self, node: ReplayNode) -> PeerRun:
        """One run from nothing. Raises `WrongEnd` when its tables are not as expected."""


async def measure() -> Report:
    """Runs all of them `ROUNDS` times in turn."""
    recorded = await backfill.recording()
    expected = await backfill.expected_end(recorded)
    peers: tuple[Peer, ...] = (Ponder(), Envio())
    ours: list[Backfill] = []
    theirs: dict[str, list[PeerRun]] = {peer.name: [] for peer in peers}
    async with backfill.replaying(recorded) as node:
        for peer in peers:
            await peer.prepare(node)
        for number in range(1, ROUNDS + 1):
            ours.append(await backfill.run(node, expected))
            _tell(number, "ours", ours[-1])
            for peer in peers:
                theirs[peer.name].append(await peer.run(node))
                _tell(number, peer.name, theirs[peer.name][-1])
    return _report(ours, theirs)


def _report(ours: Sequence[Backfill], theirs: dict[str, list[PeerRun]]) -> Report:
    report = Report(f"Back-fill beside Ponder 1.0.0 and Envio 2.32.12, medians of {ROUNDS} runs each, in turn")
    runs: dict[str, Sequence[Backfill | PeerRun]] = {"ours": ours, **theirs}
    for name, done in runs.items():
        report.figure(f"indexer.{name}.events_per_second", _median([r.per_second for r in done]), "1/s")
        report.figure(f"indexer.{name}.events_per_cpu_second", _median([r.per_cpu_second for r in done]), "1/s")
    for name, peer_runs in theirs.items():
        pairs = list(zip(ours, peer_runs, strict=True))
        cpu = _median([our.per_cpu_second / peer.per_cpu_second for our, peer in pairs])
        wall = _median([our.per_second / peer.per_second for our, peer in pairs])
        report.headline(Ratio(f"indexer.cpu_vs_{name}", cpu))
        report.headline(Ratio(f"indexer.wall_vs_{name}", wall))
    report.figure("indexer.peak_memory", max(sum(r.peaks.values()) for r in ours) / 2**20, "MiB")
    report.cpu("indexer.ours", ours[-1].spent, apart=(BENCH, backfill.NODE))
    for name, peer_runs in theirs.items():
        report.cpu(f"indexer.{name}", peer_runs[-1].spent)
    return report


def _tell(number: int, name: str, done: Backfill | PeerRun) -> None:
    console.print(
        f"round {number}: {name} {done.per_second:,.0f} events/s, {done.per_cpu_second:,.0f} a CPU second, "
        f"other programs {done.spent.other / done.spent.at:.1f} cores"
    )


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


def main() -> None:
    """The command."""
    asyncio.run(measure()).show()


if __name__ == "__main__":
    main()
