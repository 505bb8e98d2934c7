"""A small world for intents: a chain with the contracts, the registry, a catalog of what the test says, wallets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from mercato.evm.directory import ChainDirectory
from mercato.evm.rpc import Endpoint, RpcPool
from mercato.intents.model import Intent
from mercato.intents.store import IntentStore
from mercato.kit import channels, grpc, postgres, redis
from mercato.kit.ids import Address, ChainId, IntentId, UserId, new_id
from mercato.kit.postgres import Database
from mercato.kit.pushes import PushLog, received
from mercato.kit.redis import Redis
from mercato.kit.settings import Settings
from mercato.rpc.catalog.v1 import catalog_pb2
from mercato.rpc.catalog.v1.catalog_pb2_grpc import CatalogServiceServicer, add_CatalogServiceServicer_to_server
from mercato.rpc.chains.v1 import chains_pb2
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.orchestrator.v1 import orchestrator_pb2 as pb
from mercato.rpc.orchestrator.v1.orchestrator_pb2_grpc import OrchestratorServiceStub
from mercato.rpc.push.v1.push_pb2 import Push
from mercato.services.chains import app as chains_app
from mercato.services.orchestrator import app as orchestrator_app
from mercato.stack.seeding import seed

if TYPE_CHECKING:
    from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceAsyncStub
    from mercato.rpc.orchestrator.v1.orchestrator_pb2_grpc import OrchestratorServiceAsyncStub
    from mercato.stack import LocalStack

PATIENCE = 10.0


class ToldCatalog(CatalogServiceServicer):
    """Knows the collections and movements it was told of."""

    def __init__(self) -> None:
        self.collections: dict[bytes, catalog_pb2.Collection] = {}
        self.movements: list[catalog_pb2.TokenMovement] = []

    def tell(self, contract: bytes, standard: Any, creation: bytes = b"") -> None:
        bindings = [catalog_pb2.Binding(kind="factory", tx_hash=creation)] if creation else []
        self.collections[contract] = catalog_pb2.Collection(contract=contract, standard=standard, bindings=bindings)

    async def BatchGetCollections(
        self, request: catalog_pb2.BatchGetCollectionsRequest, context: Any
    ) -> catalog_pb2.BatchGetCollectionsResponse:
        found = [self.collections[k.contract] for k in request.keys if k.contract in self.collections]
        return catalog_pb2.BatchGetCollectionsResponse(collections=found)

    async def ListTransfers(
        self, request: catalog_pb2.ListTransfersRequest, context: Any
    ) -> catalog_pb2.ListTransfersResponse:
        return catalog_pb2.ListTransfersResponse(transfers=[m for m in self.movements if m.to == request.account])


@dataclass
class User:
    """Somebody with a wallet whose key the node holds."""

    wallet: Address
    id: UserId = field(default_factory=lambda: UserId(new_id()))

    def caller(self, key: str | None = None) -> pb.Caller:
        return pb.Caller(user_id=str(self.id), wallet=self.wallet, idempotency_key=key or str(new_id()))


@dataclass
class World:
    """All that an intent meets, but for the catalog real."""

    settings: Settings
    chain_id: ChainId
    node: RpcPool
    database: Database
    redis: Redis
    chains: ChainsServiceAsyncStub
    directory: ChainDirectory
    catalog: ToldCatalog
    orchestrator: OrchestratorServiceAsyncStub
    accounts: list[Address]
    _next: int = 0
    _holding: bool = False

    def store(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> IntentStore:
        return IntentStore(self.database, self.redis, PushLog(self.redis, self.settings), clock)

    def user(self) -> User:
        """A new user; wallets take turns, so that users of one test have different ones."""
        self._next += 1
        return User(self.accounts[self._next % len(self.accounts)])

    # ---- what users ask ------------------------------------------------------------------------

    def collection_request(self, user: User, **changes: Any) -> pb.PrepareCreateCollectionRequest:
        fields: dict[str, Any] = {
            "caller": user.caller(), "chain_id": self.chain_id.caip2, "standard": common_pb2.STANDARD_ERC721,
            "name": "Stars", "symbol": "STAR", "base_uri": "ipfs://stars/",
        }  # fmt: skip
        return pb.PrepareCreateCollectionRequest(**{**fields, **changes})

    def mint_request(self, user: User, contract: bytes, quantity: int = 1, **changes: Any) -> pb.PrepareMint721Request:
        fields: dict[str, Any] = {
            "caller": user.caller(), "chain_id": self.chain_id.caip2, "contract": contract,
            "recipient": user.wallet, "quantity": quantity,
        }  # fmt: skip
        return pb.PrepareMint721Request(**{**fields, **changes})

    async def prepare_collection(self, user: User, **changes: Any) -> pb.Intent:
        answer = await self.orchestrator.PrepareCreateCollection(self.collection_request(user, **changes))
        return answer.intent

    async def prepare_mint(self, user: User, contract: bytes, quantity: int = 1, **changes: Any) -> pb.Intent:
        return (await self.orchestrator.PrepareMint721(self.mint_request(user, contract, quantity, **changes))).intent

    async def track(self, intent: pb.Intent, tx_hash: bytes) -> pb.Intent:
        request = pb.TrackTxRequest(user_id=intent.user_id, intent_id=intent.id, tx_hash=tx_hash)
        if intent.kind == pb.INTENT_KIND_CREATE_COLLECTION:
            return await self.orchestrator.TrackCollectionTx(request)
        return await self.orchestrator.TrackMintTx(request)

    async def get(self, intent: pb.Intent) -> pb.Intent:
        request = pb.GetIntentRequest(user_id=intent.user_id, intent_id=intent.id)
        return await self.orchestrator.GetIntent(request)

    async def stored(self, intent: pb.Intent) -> Intent:
        return await self.store().get(IntentId(UUID(intent.id)), UserId(UUID(intent.user_id)))

    async def reaching(self, intent: pb.Intent, state: Any) -> pb.Intent:
        """The intent once it has this state."""
        async with asyncio.timeout(PATIENCE):
            while (now := await self.get(intent)).state != state:
                await asyncio.sleep(0.02)
        return now

    # ---- what wallets do -----------------------------------------------------------------------

    async def send(self, intent: pb.Intent, **changes: Any) -> bytes:
        """Has the node sign and send what was prepared; `changes` are raw JSON-RPC fields."""
        wanted = intent.transaction
        fields = {
            "from": Address(intent.sender).text, "to": Address(wanted.to).text, "data": "0x" + wanted.data.hex(),
            "value": hex(int(wanted.value)), "gas": hex(wanted.gas_limit),
            "maxFeePerGas": hex(int(wanted.max_fee_per_gas)),
            "maxPriorityFeePerGas": hex(int(wanted.max_priority_fee_per_gas)),
        }  # fmt: skip
        return await self._send({**fields, **changes})

    async def send_plain(self, user: User, to: Address, **changes: Any) -> bytes:
        return await self._send({"from": user.wallet.text, "to": to.text, **changes})

    async def _send(self, fields: dict[str, Any]) -> bytes:
        """Its hash, once it is mined; at once while blocks are held."""
        tx_hash = bytes.fromhex((await self.node.raw("eth_sendTransaction", fields))[2:])
        async with asyncio.timeout(PATIENCE):
            while not self._holding and await self.node.find_receipt(tx_hash) is None:
                await asyncio.sleep(0.01)
        return tx_hash

    async def hash_of_sending(self, intent: pb.Intent) -> bytes:
        """The hash that `send` will give, while no node knows the transaction yet."""
        async with self.holding_blocks():
            tx_hash = await self.send(intent)
            await self.node.raw("anvil_dropTransaction", "0x" + tx_hash.hex())
        return tx_hash

    @asynccontextmanager
    async def holding_blocks(self) -> AsyncIterator[None]:
        """Transactions wait inside the block until `mine`."""
        await self.node.raw("evm_setAutomine", False)
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
            await self.node.raw("evm_setAutomine", True)
            await self.mine()

    @asynccontextmanager
    async def confirmations(self, number: int) -> AsyncIterator[None]:
        """Another depth for CONFIRMED inside the block; services see the registry change within a second."""
        before = (await self.directory.get(self.chain_id)).chain.gas_policy
        deep = chains_pb2.GasPolicy()
        deep.CopyFrom(before)
        deep.confirmations = number
        try:
            await self._put_policy(deep)
            yield
        finally:
            await self._put_policy(before)

    async def _put_policy(self, policy: chains_pb2.GasPolicy) -> None:
        request = chains_pb2.PutGasPolicyRequest(chain_id=self.chain_id.caip2, gas_policy=policy)
        await self.chains.PutGasPolicy(request)
        await asyncio.sleep(0.8)

    async def mine(self, blocks: int = 1) -> None:
        await self.node.raw("anvil_mine", hex(blocks))

    async def new_collection(self, user: User, standard: Any = common_pb2.STANDARD_ERC721, **changes: Any) -> bytes:
        """A collection that stands on chain and in the catalog."""
        intent = await self.prepare_collection(user, standard=standard, **changes)
        creation = await self.send(intent)
        self.catalog.tell(intent.contract, standard, creation)
        return intent.contract

    # ---- what gateways hear --------------------------------------------------------------------

    @asynccontextmanager
    async def listening(self, channel: str) -> AsyncIterator[Listener]:
        async with self.redis.pubsub() as pubsub:
            await pubsub.subscribe(channel)
            await pubsub.get_message(timeout=PATIENCE)  # the confirmation
            yield Listener(pubsub)

    def listening_to_user(self, user: User) -> Any:
        return self.listening(channels.user(user.id))


class Listener:
    """What came over a channel."""

    def __init__(self, pubsub: Any) -> None:
        self._pubsub = pubsub

    async def next(self) -> Push:
        async with asyncio.timeout(PATIENCE):
            while (message := await self._pubsub.get_message(ignore_subscribe_messages=True, timeout=1.0)) is None:
                pass
        return Push.FromString(received(message["data"]).body)

    async def states(self, count: int) -> list[str]:
        """Names of the states of the next `count` pushed intents."""
        pushes = [await self.next() for _ in range(count)]
        return [pb.IntentState.Name(p.intent.state).removeprefix("INTENT_STATE_") for p in pushes]

    async def nothing_more(self) -> bool:
        return await self._pubsub.get_message(ignore_subscribe_messages=True, timeout=0.3) is None


@asynccontextmanager
async def world_of(stack: LocalStack, index: int = 0, **settings_changes: Any) -> AsyncIterator[World]:
    """The world on one of the stack's chains, with registry and orchestrator running in this process."""
    settings = stack.settings.model_copy(update=settings_changes)
    local = stack.chains[index]
    async with AsyncExitStack() as opened:
        await opened.enter_async_context(chains_app.running(settings))
        await seed(settings, stack.chains)
        catalog = ToldCatalog()
        servicers = [(add_CatalogServiceServicer_to_server, catalog, "mercato.catalog.v1.CatalogService")]
        await opened.enter_async_context(grpc.serving(settings, "catalog", servicers))
        await opened.enter_async_context(orchestrator_app.running(settings))
        chains = await opened.enter_async_context(grpc.connected(settings, "chains", ChainsServiceStub))
        node = await opened.enter_async_context(RpcPool(local.chain_id, [Endpoint(local.url)]))
        world = World(
            settings=settings,
            chain_id=local.chain_id,
            node=node,
            database=await opened.enter_async_context(postgres.connected(settings, "orchestrator_db")),
            redis=await opened.enter_async_context(redis.connected(settings)),
            chains=chains,
            directory=await opened.enter_async_context(ChainDirectory(chains)),
            catalog=catalog,
            orchestrator=await opened.enter_async_context(
                grpc.connected(settings, "orchestrator", OrchestratorServiceStub)
            ),
            accounts=[Address.parse(text) for text in await node.raw("eth_accounts")],
        )
        await world.directory.get(world.chain_id)
        yield world
