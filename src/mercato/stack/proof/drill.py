"""A fork on purpose: transactions are mined, forked away, and mined again, and the tables have to follow each time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp

from mercato.evm.abi import Function
from mercato.evm.directory import ChainDirectory, ChainHandle
from mercato.evm.rpc import Receipt, RpcError, RpcPool
from mercato.kit import grpc, postgres
from mercato.kit.errors import FailedPrecondition, InvalidArgument, Unavailable
from mercato.kit.ids import Address, ChainId
from mercato.kit.postgres import Database
from mercato.kit.settings import Settings
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub
from mercato.services.catalog.store.natural import TABLES, Fingerprint, Moment, ReadPoint, at_one_moment
from mercato.stack.proof.rebuilding import Rebuilding, Rebuilt, rebuilding
from mercato.story.api import Api, Json
from mercato.story.play import Collection, Story, Watched

_PATIENCE = 30.0
_LOOK_AGAIN = 0.05
_TRANSFER = Function("transferFrom(address,address,uint256)")
_SOMEBODY = Address(bytes.fromhex("0d" * 20))
_TOKEN_1155 = 7
_GAS = 200_000
_TIP = 10**9


@dataclass(frozen=True)
class Stage:
    """The tables at one point of the drill."""

    name: str
    point: ReadPoint
    tables: dict[str, Fingerprint]


@dataclass(frozen=True)
class Drilled:
    """The tables before the transactions, with them, forked away, and with them mined again; and a clean rebuild of
    the end."""

    depth: int
    stages: tuple[Stage, ...]
    rebuilt: Rebuilt

    @property
    def taken_back(self) -> bool:
        """Whether the fork left the tables as they were before its transactions."""
        return self.stages[0].tables == self.stages[2].tables

    @property
    def is_right(self) -> bool:
        return self.taken_back and self.rebuilt.is_equal


@dataclass(frozen=True)
class Mined:
    """A transaction as it was sent, to be sent again, and where it was mined."""

    raw: bytes
    receipt: Receipt


class Drill:
    """One drill on one chain, by a newcomer through the public API."""

    def __init__(
        self, handle: ChainHandle, live: Database, tool: Rebuilding, api: Api, tell: Callable[[str], None]
    ) -> None:
        """`tell` hears each step in a sentence."""
        self._node = handle.pool
        self._chain = handle.chain_id
        self._live = live
        self._tool = tool
        self._story = Story(api, handle.pool, handle.chain_id)
        self._tell = tell

    async def run(self, depth: int) -> Drilled:
        """Raises `Unavailable` TABLES_LATE when the tables do not follow within 30 s."""
        single, multi = await self._set_up()
        base = await self._stage("before", None)
        start = await self._node.block_number()
        mined = [await self._act(index, single, multi) for index in range(depth)]
        self._tell(f"{depth} transactions in blocks {start + 1} to {mined[-1].receipt.block_number}")
        done = await self._stage("mined", base.tables["ownership_transfers"].rows + depth)
        await self._node.raw("anvil_reorg", await self._node.block_number() - start, [])
        self._tell(f"forked: the chain leaves its blocks from {start + 1} on, and all their transactions")
        gone = await self._stage("forked away", base.tables["ownership_transfers"].rows, done.point.generation + 1)
        again = [await self._send(transaction.raw) for transaction in mined]
        self._tell(f"the same transactions again, in blocks {start + depth + 1} to {again[-1].receipt.block_number}")
        after = await self._stage("mined again", base.tables["ownership_transfers"].rows + depth)
        self._tell("rebuilding from raw events")
        rebuilt = await self._tool.run(self._chain, lambda done, total: None)
        return Drilled(depth, (base, done, gone, after), rebuilt)

    async def _set_up(self) -> tuple[Collection, Collection]:
        """A collection of either standard, the first with token 1; none of that is forked away."""
        story = self._story
        await story.fund()
        await story.sign_in()
        made = []
        for standard in ("ERC721", "ERC1155"):
            intent = (await story.prepare_collection(standard, "ipfs://drill", maxSupply="1000"))["intent"]
            await self._sign_and_send(intent)
            ended = await story.until_ended(intent["id"])
            made.append(Collection(standard, intent["contract"], Watched(intent, [], [], ended)))
        first = (await story.prepare_mint(made[0], 1))["intent"]
        await self._sign_and_send(first)
        await story.until_ended(first["id"])
        self._tell(f"collections {made[0].contract} and {made[1].contract}")
        return made[0], made[1]

    async def _act(self, index: int, single: Collection, multi: Collection) -> Mined:
        """The transaction of that number, which moves one token: mints of both standards and a transfer by turns."""
        turn, kind = divmod(index, 3)
        if kind == 2:
            return await self._give_away(single, turn + 1)
        made, quantity = ((single, 1), (multi, 5))[kind]
        return await self._sign_and_send((await self._story.prepare_mint(made, quantity, _TOKEN_1155))["intent"])

    async def _give_away(self, single: Collection, token_id: int) -> Mined:
        """Each turn has minted one token more than it gives away."""
        fee = 2 * await self._node.gas_price() + _TIP
        transaction = {
            "chainNumber": int(self._chain),
            "to": single.contract,
            "data": "0x" + _TRANSFER.encode(self._story.wallet.address, _SOMEBODY, token_id).hex(),
            "value": "0",
            "gasLimit": _GAS,
            "maxFeePerGas": fee,
            "maxPriorityFeePerGas": _TIP,
        }
        return await self._sign_and_send({"transaction": transaction})

    async def _sign_and_send(self, intent: Json) -> Mined:
        nonce = await self._node.transaction_count(self._story.wallet.address)
        raw, _ = self._story.wallet.sign_transaction(intent["transaction"], nonce)
        return await self._send(raw)

    async def _send(self, raw: bytes) -> Mined:
        """Waits for the block, so that each transaction has one of its own."""
        tx_hash = await self._node.send_raw(raw)
        async with asyncio.timeout(_PATIENCE):
            while (receipt := await self._node.find_receipt(tx_hash)) is None:
                await asyncio.sleep(_LOOK_AGAIN)
        if not receipt.succeeded:
            raise FailedPrecondition("TRANSACTION_REVERTED", f"transaction 0x{tx_hash.hex()} of the drill reverted")
        return Mined(raw, receipt)

    async def _stage(self, name: str, transfers: int | None, generation: int = 0) -> Stage:
        """The tables once they are read to the node's head and hold that many transfers."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE
        while True:
            head = await self._node.find_header("latest")
            async with at_one_moment(self._live, self._chain) as moment:
                point = moment.point
                arrived = head is not None and point is not None and point.hash == head.hash
                if point is not None and arrived and point.generation >= generation:
                    tables = await _fingerprints(moment)
                    if transfers in (None, tables["ownership_transfers"].rows):
                        return Stage(name, point, tables)
            if loop.time() > until:
                raise Unavailable(
                    "TABLES_LATE", f"after {_PATIENCE:g} s the tables are not those of the chain's head ({name})"
                )
            await asyncio.sleep(_LOOK_AGAIN)


async def _fingerprints(moment: Moment) -> dict[str, Fingerprint]:
    return {table: await moment.tables.fingerprint(table) for table in TABLES}


async def check_depth(handle: ChainHandle, depth: int) -> None:
    """Raises `FailedPrecondition` NOT_A_DEVELOPMENT_CHAIN for any node but anvil, and `InvalidArgument` INVALID_DEPTH
    where a fork would reach below finality: the chain would stop, which is right and no drill."""
    version = await _client(handle.pool)
    if not version.lower().startswith("anvil/"):
        raise FailedPrecondition(
            "NOT_A_DEVELOPMENT_CHAIN",
            f"{handle.chain_id.caip2} is served by {version}, not by anvil; a drill forks the chain, so it takes only"
            " a local one (`--chain eip155:31337`)",
        )
    deepest = handle.chain.gas_policy.finality_depth
    if not 1 <= depth <= deepest:
        raise InvalidArgument("INVALID_DEPTH", f"--depth must be 1 to {deepest}, the chain's finality depth")


async def _client(node: RpcPool) -> str:
    try:
        return str(await node.raw("web3_clientVersion"))
    except RpcError:
        return "a node that does not tell"


@asynccontextmanager
async def drilling(settings: Settings, chain: ChainId, depth: int, tell: Callable[[str], None]) -> AsyncIterator[Drill]:
    """A drill on a running stack. Raises what `check_depth` and the registry raise, having touched nothing."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        directory = await enter(ChainDirectory(await enter(grpc.connected(settings, "chains", ChainsServiceStub))))
        handle = await directory.get(chain)
        await check_depth(handle, depth)
        live = await enter(postgres.connected(settings, "catalog_db"))
        tool = await enter(rebuilding(settings))
        session = await enter(aiohttp.ClientSession())
        api = Api(session, f"http://{settings.host}:{settings.gateway_port}")
        yield Drill(handle, live, tool, api, tell)
