"""The local stack as an object: real servers, migrated databases, services and seeded chains."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mercato.kit.settings import SERVICES, Settings
from mercato.stack import logs, migrations, state
from mercato.stack.child import Child
from mercato.stack.environment import chain_urls, compose, local_servers, settings_of, with_port_overrides
from mercato.stack.errors import StackFailed, StackMisconfigured
from mercato.stack.ports import Ports, check_free
from mercato.stack.process import ProcessId
from mercato.stack.programs import nursery, service_process
from mercato.stack.servers import SERVERS, TAKES, anvil, children_of
from mercato.stack.site import Site, made
from mercato.stack.supervisor import Supervisor, Ward
from mercato.stack.together import together

if TYPE_CHECKING:
    from mercato.stack.seeding import LocalChain

CHAINS = (31337, 31338)
STOP_ORDER = ("service", "server")
_LOG_CHECK = 30.0  # seconds between two looks at the size of the logs


class LocalStack:
    """``async with LocalStack(home) as stack:`` - everything runs and is ready inside the block, nothing after it.

    `servers` and `services` choose parts; with ``services=[]`` there are servers and migrated databases. A member of
    `services` is one process: ``"auth"``, or several in one, ``"auth+users"``. `env` holds ``MERCATO_*`` settings for
    all; a server's URL in it means that server is used and none started; this process's own environment is not
    looked at. Ports are free ones unless given. The home keeps the data: the same home again is the same stack.
    `report` gets one line for each step.

    Entering raises `StackFailed` or `StackMisconfigured`, with nothing left running.
    """

    def __init__(
        self,
        home: Path | str,
        *,
        services: Sequence[str] = SERVICES,
        servers: Collection[str] = SERVERS,
        chain_ids: Sequence[int] = CHAINS,
        env: Mapping[str, str] | None = None,
        ports: Ports | None = None,
        block_time: float | None = None,
        report: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.home = made(Path(home).resolve(), 0o700)
        self._user = dict(env or {})
        self._servers = local_servers([name for name in SERVERS if name in servers], self._user)
        self._services = [tuple(group.split("+")) for group in services]
        if unknown := {name for group in self._services for name in group} - set(SERVICES):
            raise StackMisconfigured(
                "NO_SUCH_SERVICE", f"{', '.join(sorted(unknown))}: there are {', '.join(SERVICES)}"
            )
        self._chain_ids = tuple(chain_ids)
        self._claimed = ports or Ports.free(self._chain_ids)
        env_map = compose(used := with_port_overrides(self._claimed, self._user), self._user, self._chain_ids)
        self._site = Site(self.home, used, settings_of(env_map), env_map, block_time)
        self._supervisor = Supervisor(self._site.logs, self._site.marker, self._changed)
        self._nursery = nursery(self._site, sorted({name for group in self._services for name in group}))
        self._report = report
        self._phase: state.Phase = "stopped"
        self._error = ""
        self._told: deque[str] = deque(maxlen=len(SERVICES))
        self._open = AsyncExitStack()

    # --- what runs ----------------------------------------------------------------------------

    @property
    def site(self) -> Site:
        """Folders, ports and settings in one, for what works on the servers themselves."""
        return self._site

    @property
    def env(self) -> Mapping[str, str]:
        """The ``MERCATO_*`` variables every process of this stack gets."""
        return self._site.env

    @property
    def settings(self) -> Settings:
        return self._site.settings

    @property
    def ports(self) -> Ports:
        """By name: ``postgres``, ``gateway``, ``grpc.auth``, ``ops.auth``, ``chain.31337``, …"""
        return self._site.ports

    @property
    def chains(self) -> list[LocalChain]:
        """The chains and their nodes, local or not, in the order of their ids in the configuration."""
        from mercato.kit.ids import ChainId
        from mercato.stack.seeding import LocalChain

        return [LocalChain(ChainId(number), url, f"Local {number}") for number, url in chain_urls(self.env).items()]

    @property
    def names(self) -> list[str]:
        """The processes: ``postgres``, ``rabbitmq``, ``chain-31337``, ``auth``, …"""
        return list(self._supervisor.wards)

    def pid(self, name: str) -> int:
        """The pid of a running process; for a server or service that is down, raises `StackFailed` NOT_RUNNING."""
        process = self._ward(name).process
        if process is None or not process.alive:
            raise StackFailed("NOT_RUNNING", f"{name} is not running")
        return process.pid

    # --- single parts -------------------------------------------------------------------------

    async def stop(self, name: str) -> None:
        """Ends one part in its proper way; it stays down until `start`."""
        self._ward(name)
        await self._supervisor.stop(name)

    async def kill(self, name: str) -> None:
        """Ends one part by SIGKILL; it stays down until `start`."""
        self._ward(name)
        await self._supervisor.kill(name)

    async def start(self, name: str) -> None:
        """Starts a part that was stopped or killed, and returns when it is ready."""
        await self._supervisor.start(self._ward(name).child)

    def crash(self, name: str) -> int:
        """Sends SIGKILL to one part and leaves it to the supervisor to bring it back. Returns the pid that was hit."""
        self._ward(name)
        return self._supervisor.crash(name)

    async def ready(self, name: str, *, not_pid: int = 0, patience: float = 60.0) -> None:
        """Waits until a part is ready, as another process than `not_pid`; TimeoutError after `patience` seconds."""
        ward = self._ward(name)
        async with asyncio.timeout(patience):
            while ward.state != "ready" or ward.process is None or ward.process.pid == not_pid:
                await asyncio.sleep(0.02)

    async def migrate(self) -> None:
        """Brings all databases to the newest schema."""
        await migrations.migrate(self.settings)

    async def save_chains(self) -> None:
        """Makes what the local chains have mined until now outlive a kill; it happens by itself within seconds."""
        await asyncio.gather(*(anvil.save(self._site, chain) for chain in self._local_chains()))

    def _ward(self, name: str) -> Ward:
        if name not in self._supervisor.wards:
            raise StackMisconfigured("NO_SUCH_PROCESS", f"no {name} in this stack; it has {', '.join(self.names)}")
        return self._supervisor.wards[name]

    # --- coming and going ---------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._open.enter_context(state.held(self.home))
        self._open.callback(self._claimed.release)
        self._open.push_async_callback(self._nursery.close)
        self._open.push_async_callback(self._stop_all)
        try:
            await self._come_up()
        except BaseException as error:
            await self._open.aclose()
            self._error = getattr(error, "message", None) or repr(error)
            self._set_phase("stopped" if isinstance(error, asyncio.CancelledError) else "failed")
            raise
        self._set_phase("ready")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._set_phase("stopping")
        await self._open.aclose()
        self._set_phase("stopped")

    async def _come_up(self) -> None:
        if left := await state.stop_leftovers(self.home, STOP_ORDER):
            self._report(f"stopped what an earlier run left: {', '.join(left)}")
        self._set_phase("starting")
        check_free(self._needed_ports())
        if self._services:
            await self._nursery.open()  # loads the services while the servers start
        await together(self._start_server(name) for name in self._servers)
        self._open.push_async_callback(_ended, asyncio.create_task(self._tend()))
        if "postgres" in self._servers or self._services:
            await self._step("databases migrated", migrations.migrate(self.settings))
        await together(
            [
                self._seed(),
                *(self._start(service_process(self._site, self._nursery, group)) for group in self._services),
            ]
        )

    async def _start_server(self, server: str) -> None:
        await together(self._start(child) for child in await children_of(server, self._site))

    async def _start(self, child: Child) -> None:
        await self._supervisor.start(child)
        self._report(
            f"{child.name} ready on port {child.port} after {self._supervisor.wards[child.name].seconds:.1f} s"
        )

    async def _seed(self) -> None:
        """Deploys the contracts and fills the chain registry, as soon as the registry serves."""
        if any("chains" in group for group in self._services) and self.chains:
            from mercato.stack.seeding import seed

            await self._step("chains seeded", seed(self.settings, self.chains))
            await self.save_chains()

    async def _step(self, what: str, work: Awaitable[None]) -> None:
        begin = time.monotonic()
        await work
        self._report(f"{what} in {time.monotonic() - begin:.1f} s")

    async def _tend(self) -> None:
        """What goes on beside the processes: chains are saved, logs kept small."""
        await asyncio.gather(
            *(anvil.keep_saved(self._site, chain) for chain in self._local_chains()), self._mind_logs()
        )

    async def _mind_logs(self) -> None:
        while True:
            await asyncio.sleep(_LOG_CHECK)
            logs.bound(self._site.logs)

    async def _stop_all(self) -> None:
        wards = self._supervisor.wards.values()
        await self._supervisor.stop_all([[w.child.name for w in wards if w.child.kind == k] for k in STOP_ORDER])

    def _local_chains(self) -> Sequence[int]:
        return self._chain_ids if "anvil" in self._servers else ()

    def _needed_ports(self) -> dict[str, int]:
        """Ports something of this stack is going to listen on."""
        services = {name for group in self._services for name in group}
        firsts = {first for server in self._servers for first in TAKES[server]}
        return {
            name: port
            for name, port in self.ports.numbers.items()
            if name.partition(".")[0] in firsts
            or name.partition(".")[2] in services
            or (name == "gateway" and "gateway" in services)
        }

    # --- what others can read -----------------------------------------------------------------

    def _set_phase(self, phase: state.Phase) -> None:
        self._phase = phase
        self._record()

    def _changed(self, ward: Ward) -> None:
        if (news := _news(ward)) and self._phase == "ready" and news not in self._told:
            self._told.append(news)
            self._report(news)
        self._record()

    def _record(self) -> None:
        me = ProcessId.of(os.getpid())
        supervisor = state.ProcessRecord(
            "supervisor", "supervisor", self._phase, 0, *((me.pid, me.started, me.boot) if me else ())
        )
        children = tuple(ward.record() for ward in self._supervisor.wards.values())
        record = state.StackRecord(self._phase, supervisor, children, dict(self.env), self._error)
        state.write(self.home, record)


def _news(ward: Ward) -> str:
    """What a change of a ward means to a person; empty for what happens at every start and stop."""
    if ward.state == "restarting":
        return f"{ward.child.name} {ward.note}; restart {ward.restarts}"
    return f"{ward.child.name} is back after restart {ward.restarts}" if ward.state == "ready" and ward.restarts else ""


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
