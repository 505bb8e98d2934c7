"""The services behind the gateway, hand-written: real gRPC servers that answer from one small world."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from mercato.kit import grpc
from mercato.kit.errors import NotFound, TooLarge, Unauthenticated
from mercato.kit.ids import Address, ChainId, new_id
from mercato.kit.settings import Settings
from mercato.rpc.auth.v1 import auth_pb2, auth_pb2_grpc
from mercato.rpc.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from mercato.rpc.chains.v1 import chains_pb2, chains_pb2_grpc
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.indexer.v1 import indexer_pb2, indexer_pb2_grpc
from mercato.rpc.media.v1 import media_pb2, media_pb2_grpc
from mercato.rpc.orchestrator.v1 import orchestrator_pb2, orchestrator_pb2_grpc
from mercato.rpc.users.v1 import users_pb2, users_pb2_grpc
from mercato.rpc.wallets.v1 import wallets_pb2, wallets_pb2_grpc

CHAIN = ChainId(31337)
START = datetime(2026, 11, 22, 9, tzinfo=UTC)
ALICE = Address(b"\xa1" * 20)
BOB = Address(b"\xb0" * 20)
CONTRACT = Address(b"\xc0" * 20)
CID = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
WALLET_ID = "0190a0c4-5d1e-7c3a-9d42-6f1c2b3a4d5e"
SVG_CID = "bafkreisvgaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 300_000


def stamp(when: datetime = START) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(when)
    return found


def position(block: int = 7, log_index: int = 0) -> common_pb2.Position:
    return common_pb2.Position(
        block=common_pb2.Block(number=block, hash=bytes([block]) * 32, timestamp=int(START.timestamp())),
        tx_hash=b"\x77" * 32,
        log_index=log_index,
    )


def a_read_point(number: int = 10) -> common_pb2.ReadPoint:
    return common_pb2.ReadPoint(
        chain_id=CHAIN.caip2,
        block_number=number,
        block_hash=bytes([number]) * 32,
        observed_at=stamp(),
        finality=common_pb2.FINALITY_SAFE,
        safe=number,
        finalized=7,
        block_time=stamp(),
    )


READ_AT = [a_read_point()]
APPROVED_AT = [a_read_point(9)]


def a_collection(contract: Address = CONTRACT, name: str = "First light") -> catalog_pb2.Collection:
    return catalog_pb2.Collection(
        id=str(new_id()),
        chain_id=CHAIN.caip2,
        contract=contract,
        standard=common_pb2.STANDARD_ERC721,
        name=name,
        symbol="LIGHT",
        base_uri=f"ipfs://{CID}/",
        creator=ALICE,
        owner=ALICE,
        royalty_receiver=ALICE,
        royalty_bps=500,
        mint_config=common_pb2.MintConfig(
            price="1000", max_supply="100", per_wallet_limit="0", ends_at=2**64 - 1, payee=ALICE
        ),
        roles=[catalog_pb2.Role(role=b"\0" * 32, name="DEFAULT_ADMIN_ROLE", account=ALICE)],
        bindings=[catalog_pb2.Binding(kind="factory", source=BOB, tx_hash=b"\x77" * 32, block_number=7)],
        token_count=50,
        supply="50",
        holder_count=2,
        created_block=7,
        created_at=stamp(),
    )


def an_import(**changes: Any) -> indexer_pb2.CollectionImport:
    fields: dict[str, Any] = {
        "chain_id": CHAIN.caip2, "contract": CONTRACT, "standard": common_pb2.STANDARD_ERC721, "name": "First light",
        "symbol": "LIGHT", "state": "requested", "requested_at": stamp(), "updated_at": stamp(), **changes,
    }  # fmt: skip
    return indexer_pb2.CollectionImport(**fields)


def a_token(token_id: int, owner: Address = ALICE) -> catalog_pb2.Token:
    return catalog_pb2.Token(
        id=str(new_id()),
        chain_id=CHAIN.caip2,
        contract=CONTRACT,
        token_id=str(token_id),
        standard=common_pb2.STANDARD_ERC721,
        owner=owner,
        supply="1",
        uri=f"ipfs://{CID}/{token_id}",
        name=f"Light #{token_id}",
        image=f"ipfs://{CID}",
        traits=[catalog_pb2.TokenTrait(name="Mood", value="calm")],
        metadata_state="resolved",
        minted_block=8,
        minted_at=stamp(),
    )


def by_column(tokens: Iterable[catalog_pb2.Token]) -> catalog_pb2.TokenColumns:
    """The same tokens, as the catalog lists them."""
    found = catalog_pb2.TokenColumns()
    for place, token in enumerate(tokens):
        found.collections.add(chain_id=token.chain_id, contract=token.contract, standard=token.standard)
        found.collection_places.append(place)
        found.token_ids.append(token.token_id)
        found.owners.append(token.owner)
        found.supplies.append(token.supply)
        found.uris.append(token.uri)
        found.names.append(token.name)
        found.descriptions.append(token.description)
        found.images.append(token.image)
        found.animation_urls.append(token.animation_url)
        found.metadata_states.append(token.metadata_state)
        found.minted_blocks.append(token.minted_block)
        found.minted_at.append(token.minted_at.seconds)
        for trait in token.traits:
            found.trait_places.append(place)
            found.trait_names.append(trait.name)
            found.trait_values.append(trait.value)
        for flag in token.flags:
            found.flag_places.append(place)
            found.flags.append(flag)
    return found


def a_balance(token_id: int, owner: Address = ALICE) -> catalog_pb2.Balance:
    key = catalog_pb2.TokenKey(chain_id=CHAIN.caip2, contract=CONTRACT, token_id=str(token_id))
    return catalog_pb2.Balance(id=f"b{token_id}", token=key, owner=owner, amount="1", updated_block=8)


STATES = orchestrator_pb2.IntentState


def an_intent(
    user_id: UUID, states: Iterable[str] = ("PREPARED",), intent_id: UUID | None = None, **changes: Any
) -> orchestrator_pb2.Intent:
    """An intent that went through `states`; its version is their number."""
    numbers = [STATES.Value(f"INTENT_STATE_{state}") for state in states]
    timeline = [
        orchestrator_pb2.IntentStep(state=n, at=stamp(START + timedelta(seconds=i)), note=f"step {i + 1}")
        for i, n in enumerate(numbers)
    ]
    fields: dict[str, Any] = {
        "id": str(intent_id or new_id()),
        "user_id": str(user_id),
        "kind": orchestrator_pb2.INTENT_KIND_MINT_721,
        "state": numbers[-1],
        "chain_id": CHAIN.caip2,
        "sender": ALICE,
        "transaction": orchestrator_pb2.UnsignedTransaction(
            chain_id=CHAIN.caip2,
            to=CONTRACT,
            data=b"\x12\x34",
            value="1000",
            gas_limit=120_000,
            max_fee_per_gas="3000000000",
            max_priority_fee_per_gas="1000000000",
        ),
        "contract": CONTRACT,
        "timeline": timeline,
        "version": len(timeline),
        "expires_at": stamp(START + timedelta(hours=1)),
        **changes,
    }
    return orchestrator_pb2.Intent(**fields)


class World:
    """What the fakes know. `calls` counts by method; `failures` makes a method fail; tests set both."""

    def __init__(self) -> None:
        self.alice = UUID(int=0xA11CE)
        self.bob = UUID(int=0xB0B)
        self.calls: Counter[str] = Counter()
        self.requests: dict[str, Any] = {}
        self.failures: dict[str, Exception] = {}
        self.tokens_of_users = {
            "token-alice": self.alice,
            "token-bob": self.bob,
            "token-admin": self.alice,
            "token-guest": self.bob,
        }
        self.revoked: dict[str, Unauthenticated] = {}
        self.roles = {"token-admin": ["admin"]}
        self.expires_at = datetime.now(UTC) + timedelta(hours=1)
        self.addresses = {self.alice: ALICE, self.bob: BOB}
        self.collections = {CONTRACT: a_collection()}
        self.tokens = {i: a_token(i) for i in range(1, 51)}
        self.balances = [a_balance(i) for i in range(1, 51)]
        self.intents: dict[str, orchestrator_pb2.Intent] = {}
        self.keys: dict[tuple[str, str], orchestrator_pb2.Intent] = {}
        self.on_get_intent: Callable[[], Any] | None = None
        self.collections_open = asyncio.Event()
        self.collections_open.set()
        self.introspection_open = asyncio.Event()
        self.introspection_open.set()
        self.longest_pause = 0.0
        """Seconds at most between the reading of listed tokens and the answer that carries them."""
        self.files = {
            CID: ("image/png", PNG),
            SVG_CID: ("image/svg+xml", b"<svg/>"),
            f"{CID}/page": ("text/html", b"<p>"),
        }
        self.uploads: list[tuple[str, bytes]] = []

    def enter(self, method: str, request: Any) -> None:
        """Counts the call, remembers its request, fails when told to."""
        self.calls[method] += 1
        self.requests[method] = request
        if method in self.failures:
            raise self.failures[method]


class Auth(auth_pb2_grpc.AuthServiceServicer):
    def __init__(self, world: World) -> None:
        self._world = world

    async def IssueNonce(self, request: Any, context: Any) -> Any:
        self._world.enter("IssueNonce", request)
        return auth_pb2.IssueNonceResponse(nonce="n0nce123", message="sign this", expires_at=stamp())

    async def SignIn(self, request: Any, context: Any) -> Any:
        self._world.enter("SignIn", request)
        return auth_pb2.SignInResponse(
            tokens=_tokens(),
            user_id=str(self._world.alice),
            session_id="s1",
            address=ALICE,
            chain_id=CHAIN.caip2,
            new_user=True,
        )

    async def VerifyLink(self, request: Any, context: Any) -> Any:
        self._world.enter("VerifyLink", request)
        return auth_pb2.VerifyLinkResponse(address=BOB, chain_id=CHAIN.caip2, by_key=True)

    async def RevokeWalletSessions(self, request: Any, context: Any) -> Any:
        self._world.enter("RevokeWalletSessions", request)
        return auth_pb2.RevokeWalletSessionsResponse(revoked=2, session_ids=["s8", "s9"])

    async def Refresh(self, request: Any, context: Any) -> Any:
        self._world.enter("Refresh", request)
        return auth_pb2.RefreshResponse(tokens=_tokens())

    async def RevokeSession(self, request: Any, context: Any) -> Any:
        self._world.enter("RevokeSession", request)
        return auth_pb2.RevokeSessionResponse()

    async def RevokeAllSessions(self, request: Any, context: Any) -> Any:
        self._world.enter("RevokeAllSessions", request)
        return auth_pb2.RevokeAllSessionsResponse(revoked=3, session_ids=["s1", "s2", "s3"])

    async def ListSessions(self, request: Any, context: Any) -> Any:
        self._world.enter("ListSessions", request)
        return auth_pb2.ListSessionsResponse(
            sessions=[
                auth_pb2.Session(id=i, address=ALICE, chain_id=CHAIN.caip2, ip="127.0.0.1", created_at=stamp())
                for i in ("session-token-alice", "other")
            ]
        )

    async def ListLoginEvents(self, request: Any, context: Any) -> Any:
        self._world.enter("ListLoginEvents", request)
        signed_in = auth_pb2.LoginEvent(
            id="l2", at=stamp(), occasion=auth_pb2.LOGIN_OCCASION_SIGN_IN, succeeded=True, reason="SIGNED_IN",
            address=ALICE, chain_id=CHAIN.caip2, ip="127.0.0.1", user_agent="tests/1", session_id="s1",
            session_ended_at=stamp(START + timedelta(hours=1)), session_end_reason="BY_USER",
        )  # fmt: skip
        refused = auth_pb2.LoginEvent(
            id="l1", at=stamp(), occasion=auth_pb2.LOGIN_OCCASION_REFRESH, reason="REFRESH_REUSED"
        )
        rows, page, cursors = _page([signed_in, refused], request.page)
        return auth_pb2.ListLoginEventsResponse(events=rows, page=page, cursors=cursors)

    async def Introspect(self, request: Any, context: Any) -> Any:
        world = self._world
        world.enter("Introspect", request)
        if request.access_token in world.tokens_of_users and not world.introspection_open.is_set():
            await world.introspection_open.wait()
        if request.access_token in world.revoked:
            raise world.revoked[request.access_token]
        user_id = world.tokens_of_users.get(request.access_token)
        if user_id is None:
            raise Unauthenticated("TOKEN_INVALID", "sign in again")
        return auth_pb2.Principal(
            user_id=str(user_id),
            session_id=f"session-{request.access_token}",
            address=world.addresses[user_id],
            chain_id=CHAIN.caip2,
            roles=world.roles.get(request.access_token, []),
            expires_at=stamp(world.expires_at),
        )

    async def FindEndedSessions(self, request: Any, context: Any) -> Any:
        world = self._world
        world.enter("FindEndedSessions", request)
        over = {f"session-{token}" for token in world.revoked}
        return auth_pb2.FindEndedSessionsResponse(session_ids=[i for i in request.session_ids if i in over])

    async def GetKeys(self, request: Any, context: Any) -> Any:
        self._world.enter("GetKeys", request)
        return auth_pb2.GetKeysResponse(jwks='{"keys":[]}')


class Users(users_pb2_grpc.UsersServiceServicer):
    def __init__(self, world: World) -> None:
        self._world = world

    async def EnsureUser(self, request: Any, context: Any) -> Any:
        raise NotFound("UNUSED", "the gateway does not ensure users")

    async def BatchGetUsers(self, request: Any, context: Any) -> Any:
        self._world.enter("BatchGetUsers", request)
        known = {str(i): a for i, a in self._world.addresses.items()}
        return users_pb2.BatchGetUsersResponse(
            users=[
                users_pb2.User(
                    id=i,
                    address=known[i],
                    profile=users_pb2.Profile(handle="alice"),
                    created_at=stamp(),
                    last_login_at=stamp(START + timedelta(minutes=5)),
                )
                for i in request.ids
                if i in known
            ]
        )

    async def FindUser(self, request: Any, context: Any) -> Any:
        self._world.enter("FindUser", request)
        if request.handle.lower() != "alice":
            return users_pb2.FindUserResponse()
        profile = users_pb2.Profile(handle="alice")
        found = users_pb2.User(id=str(self._world.alice), address=ALICE, profile=profile, created_at=stamp())
        return users_pb2.FindUserResponse(user=found)

    async def UpdateProfile(self, request: Any, context: Any) -> Any:
        self._world.enter("UpdateProfile", request)
        profile = users_pb2.Profile(handle=request.handle, avatar_uri=request.avatar_uri, links=request.links.links)
        return users_pb2.User(id=request.user_id, address=ALICE, profile=profile, created_at=stamp())


class Wallets(wallets_pb2_grpc.WalletsServiceServicer):
    def __init__(self, world: World) -> None:
        self._world = world

    async def ListWallets(self, request: Any, context: Any) -> Any:
        self._world.enter("ListWallets", request)
        return wallets_pb2.ListWalletsResponse(
            wallets=[a_wallet(f"w-{i}", i, self._world.addresses[UUID(i)]) for i in request.user_ids]
        )

    async def ResolveAddress(self, request: Any, context: Any) -> Any:
        self._world.enter("ResolveAddress", request)
        owners = {address: str(user_id) for user_id, address in self._world.addresses.items()}
        return wallets_pb2.ResolveAddressResponse(user_id=owners.get(Address(request.address), ""))

    async def LinkWallet(self, request: Any, context: Any) -> Any:
        self._world.enter("LinkWallet", request)
        wallet = a_wallet(WALLET_ID, request.user_id, request.address)
        return wallets_pb2.LinkWalletResponse(wallet=wallet, created=True)

    async def SetPrimaryWallet(self, request: Any, context: Any) -> Any:
        self._world.enter("SetPrimaryWallet", request)
        return a_wallet(request.wallet_id, request.user_id, BOB)

    async def UnlinkWallet(self, request: Any, context: Any) -> Any:
        self._world.enter("UnlinkWallet", request)
        return wallets_pb2.UnlinkWalletResponse(address=BOB, chain_id=CHAIN.caip2)

    async def ListApprovals(self, request: Any, context: Any) -> Any:
        self._world.enter("ListApprovals", request)
        info = common_pb2.PageInfo(has_next_page=True, end_cursor="next")
        return wallets_pb2.ListApprovalsResponse(
            approvals=[an_approval()], cursors=["next"], page=info, read_points=APPROVED_AT
        )

    async def ListApprovalHistory(self, request: Any, context: Any) -> Any:
        self._world.enter("ListApprovalHistory", request)
        entries = [
            wallets_pb2.ApprovalEntry(approval=an_approval(approved=False)),
            wallets_pb2.ApprovalEntry(approval=an_approval("7"), ended_by=position(9, 3)),
        ]
        return wallets_pb2.ListApprovalHistoryResponse(
            entries=entries, cursors=["a", "b"], page=common_pb2.PageInfo(), read_points=APPROVED_AT
        )


def a_wallet(wallet_id: str, user_id: str, address: bytes) -> wallets_pb2.Wallet:
    return wallets_pb2.Wallet(
        id=wallet_id, user_id=user_id, address=address, chain_id=CHAIN.caip2, primary=True, linked_at=stamp()
    )


def an_approval(token_id: str = "", *, approved: bool = True) -> wallets_pb2.Approval:
    return wallets_pb2.Approval(
        chain_id=CHAIN.caip2, contract=CONTRACT, owner=ALICE, operator=BOB, token_id=token_id, approved=approved,
        position=position(),
    )  # fmt: skip


class Chains(chains_pb2_grpc.ChainsServiceServicer):
    def __init__(self, world: World) -> None:
        self._world = world

    async def ListChains(self, request: Any, context: Any) -> Any:
        self._world.enter("ListChains", request)
        local = chains_pb2.Chain(
            chain_id=CHAIN.caip2,
            name="Local",
            currency_symbol="ETH",
            currency_decimals=18,
            enabled=True,
            endpoints=[chains_pb2.Endpoint(url="http://127.0.0.1:8545", priority=1)],
            contracts=[chains_pb2.Contract(kind="factory", address=BOB, deployed_block=1)],
            gas_policy=chains_pb2.GasPolicy(confirmations=2, finality_depth=64),
        )
        secret = chains_pb2.Chain(
            chain_id="eip155:1",
            name="Ethereum",
            currency_symbol="ETH",
            currency_decimals=18,
            enabled=True,
            endpoints=[
                chains_pb2.Endpoint(url="https://node.example/key-5ecret", priority=1, headers={"x-key": "5ecret"})
            ],
        )
        return chains_pb2.ListChainsResponse(chains=[local, secret])

    async def GetChain(self, request: Any, context: Any) -> Any:
        raise NotFound("UNUSED", "not asked by the gateway")

    async def PutChain(self, request: Any, context: Any) -> Any:
        return self._written("PutChain", request)

    async def SetChainEnabled(self, request: Any, context: Any) -> Any:
        return self._written("SetChainEnabled", request)

    async def PutEndpoint(self, request: Any, context: Any) -> Any:
        return self._written("PutEndpoint", request)

    async def RemoveEndpoint(self, request: Any, context: Any) -> Any:
        return self._written("RemoveEndpoint", request)

    async def PutContract(self, request: Any, context: Any) -> Any:
        return self._written("PutContract", request)

    async def RemoveContract(self, request: Any, context: Any) -> Any:
        return self._written("RemoveContract", request)

    async def PutGasPolicy(self, request: Any, context: Any) -> Any:
        return self._written("PutGasPolicy", request)

    async def ListChanges(self, request: Any, context: Any) -> Any:
        self._world.enter("ListChanges", request)
        change = chains_pb2.Change(
            id="9", chain_id=CHAIN.caip2, version=3, action="endpoint_put", requested_by=ALICE, request_id="r1",
            at=stamp(), after='{"endpoints": [{"headers": ["x-key"]}]}',
        )  # fmt: skip
        page = common_pb2.PageInfo(has_next_page=True, end_cursor="c1")
        return chains_pb2.ListChangesResponse(changes=[change], cursors=["c1"], page=page)

    def _written(self, method: str, request: Any) -> chains_pb2.Chain:
        self._world.enter(method, request)
        endpoint = chains_pb2.Endpoint(
            url="https://node.example/key-5ecret", shown_url="https://node.example/***", id="e1", weight=2,
            headers={"x-key": "5ecret"},
        )  # fmt: skip
        policy = chains_pb2.GasPolicy(
            base_fee_multiplier_percent=150, max_priority_fee="7", max_fee_cap="8", confirmations=2, finality_depth=64
        )
        return chains_pb2.Chain(
            chain_id=CHAIN.caip2, name="Local", currency_symbol="ETH", currency_decimals=18, enabled=True,
            scope=chains_pb2.INDEX_SCOPE_ALL, start_block=5, version=3, endpoints=[endpoint], gas_policy=policy,
        )  # fmt: skip


class Indexer(indexer_pb2_grpc.IndexerServiceServicer):
    def __init__(self, world: World) -> None:
        self._world = world

    async def GetStatus(self, request: Any, context: Any) -> Any:
        self._world.enter("GetStatus", request)
        status = indexer_pb2.ChainStatus(
            chain_id=CHAIN.caip2,
            head=12,
            indexed=10,
            indexed_hash=b"\x0a" * 32,
            finalized=1,
            state="following",
            seen=11,
            head_time=stamp(START + timedelta(seconds=24)),
        )
        return indexer_pb2.GetStatusResponse(chains=[status])

    async def ImportCollection(self, request: Any, context: Any) -> Any:
        self._world.enter("ImportCollection", request)
        return indexer_pb2.ImportCollectionResponse(imported=an_import(requested_by=request.requested_by))

    async def ListImports(self, request: Any, context: Any) -> Any:
        self._world.enter("ListImports", request)
        return indexer_pb2.ListImportsResponse(
            imports=[an_import(state="reading", from_block=3, blocks_read=2, blocks_total=5)],
            cursors=["c1"],
            page=common_pb2.PageInfo(has_next_page=True, end_cursor="c1"),
        )


class Catalog(catalog_pb2_grpc.CatalogServiceServicer):
    def __init__(self, world: World) -> None:
        self._world = world

    async def BatchGetCollections(self, request: Any, context: Any) -> Any:
        self._world.enter("BatchGetCollections", request)
        await self._world.collections_open.wait()
        known = self._world.collections
        found = [known[Address(k.contract)] for k in request.keys if Address(k.contract) in known]
        return catalog_pb2.BatchGetCollectionsResponse(collections=found, read_points=READ_AT)

    async def ListCollections(self, request: Any, context: Any) -> Any:
        self._world.enter("ListCollections", request)
        rows, page, cursors = _page(list(self._world.collections.values()), request.page)
        return catalog_pb2.ListCollectionsResponse(collections=rows, page=page, cursors=cursors, read_points=READ_AT)

    async def BatchGetTokens(self, request: Any, context: Any) -> Any:
        self._world.enter("BatchGetTokens", request)
        known = self._world.tokens
        found = [known[int(k.token_id)] for k in request.keys if int(k.token_id) in known]
        return catalog_pb2.BatchGetTokensResponse(tokens=found, read_points=READ_AT)

    async def ListTokens(self, request: Any, context: Any) -> Any:
        self._world.enter("ListTokens", request)
        rows, page, cursors = _page(list(self._world.tokens.values()), request.page)
        assert request.by_column
        await asyncio.sleep(random.uniform(0, self._world.longest_pause))
        return catalog_pb2.ListTokensResponse(columns=by_column(rows), page=page, cursors=cursors, read_points=READ_AT)

    async def ListBalances(self, request: Any, context: Any) -> Any:
        self._world.enter("ListBalances", request)
        rows, page, cursors = _page(self._world.balances, request.page)
        return catalog_pb2.ListBalancesResponse(balances=rows, page=page, cursors=cursors, read_points=READ_AT)

    async def ListTransfers(self, request: Any, context: Any) -> Any:
        self._world.enter("ListTransfers", request)
        key = catalog_pb2.TokenKey(chain_id=CHAIN.caip2, contract=CONTRACT, token_id="1")
        moved = catalog_pb2.TokenMovement(
            id="t1", token=key, to=ALICE, amount="1", position=position(), **{"from": bytes(20)}
        )
        rows, page, cursors = _page([moved], request.page)
        return catalog_pb2.ListTransfersResponse(transfers=rows, page=page, cursors=cursors, read_points=READ_AT)

    async def ListActivities(self, request: Any, context: Any) -> Any:
        self._world.enter("ListActivities", request)
        created = catalog_pb2.Activity(
            id="a1",
            kind="collection_created",
            chain_id=CHAIN.caip2,
            contract=CONTRACT,
            position=position(),
            occurred_at=stamp(),
        )
        rows, page, cursors = _page([created], request.page)
        return catalog_pb2.ListActivitiesResponse(activities=rows, page=page, cursors=cursors, read_points=READ_AT)

    async def FlagToken(self, request: Any, context: Any) -> Any:
        self._world.enter("FlagToken", request)
        token = self._world.tokens[int(request.token.token_id)]
        token.flags.append(request.flag)
        return token

    async def UnflagToken(self, request: Any, context: Any) -> Any:
        self._world.enter("UnflagToken", request)
        token = self._world.tokens[int(request.token.token_id)]
        del token.flags[:]
        return token

    async def ListModeration(self, request: Any, context: Any) -> Any:
        self._world.enter("ListModeration", request)
        admin = str(self._world.tokens_of_users["token-admin"])
        lines = [
            catalog_pb2.Moderation(id="9", flag="SPAM", raised=False, reason="", done_by=admin, at=stamp()),
            catalog_pb2.Moderation(id="8", flag="SPAM", raised=True, reason="airdropped", done_by="bot", at=stamp()),
        ]
        rows, page, cursors = _page(lines, request.page)
        return catalog_pb2.ListModerationResponse(entries=rows, page=page, cursors=cursors)

    async def GetReadPoints(self, request: Any, context: Any) -> Any:
        self._world.enter("GetReadPoints", request)
        return catalog_pb2.GetReadPointsResponse(points=[a_read_point()])


class Media(media_pb2_grpc.MediaServiceServicer):
    def __init__(self, world: World) -> None:
        self._world = world

    async def Upload(self, request_iterator: Any, context: Any) -> Any:
        self._world.enter("Upload", None)
        name, data = "", bytearray()
        async for part in request_iterator:
            name = part.header.file_name or name
            data += part.chunk
        if len(data) > 1_000_000:
            raise TooLarge("UPLOAD_TOO_LARGE", "a file may have 1000000 bytes", limit="1000000")
        self._world.uploads.append((name, bytes(data)))
        return media_pb2.Asset(
            cid=CID,
            uri=f"ipfs://{CID}",
            content_type="image/png",
            size=len(data),
            width=4,
            height=3,
            created_at=stamp(),
        )

    async def CreateMetadata(self, request: Any, context: Any) -> Any:
        self._world.enter("CreateMetadata", request)
        return media_pb2.MetadataDocument(id=CID, uri=f"ipfs://{CID}", json=request.json, created_at=stamp())

    async def CreateMetadataFolder(self, request: Any, context: Any) -> Any:
        self._world.enter("CreateMetadataFolder", request)
        return media_pb2.CreateMetadataFolderResponse(cid=CID, uri=f"ipfs://{CID}/")

    async def GetMetadata(self, request: Any, context: Any) -> Any:
        self._world.enter("GetMetadata", request)
        if CID not in request.uri:
            raise NotFound("METADATA_NOT_FOUND", "nothing is stored there")
        return media_pb2.MetadataDocument(id=CID, uri=request.uri, json='{"name": "Light"}', created_at=stamp())

    async def Read(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self._world.enter("Read", request)
        if request.path not in self._world.files:
            raise NotFound("MEDIA_NOT_FOUND", "nothing is stored there")
        kind, data = self._world.files[request.path]
        yield media_pb2.ReadResponse(header=media_pb2.ReadHeader(content_type=kind, size=len(data)))
        for start in range(0, len(data), 65_536):
            yield media_pb2.ReadResponse(chunk=data[start : start + 65_536])


class Orchestrator(orchestrator_pb2_grpc.OrchestratorServiceServicer):
    def __init__(self, world: World) -> None:
        self._world = world

    async def PrepareCreateCollection(self, request: Any, context: Any) -> Any:
        return self._prepare("PrepareCreateCollection", request)

    async def PrepareMint721(self, request: Any, context: Any) -> Any:
        return self._prepare("PrepareMint721", request)

    async def PrepareMint1155(self, request: Any, context: Any) -> Any:
        return self._prepare("PrepareMint1155", request)

    def _prepare(self, method: str, request: Any) -> Any:
        world = self._world
        world.enter(method, request)
        key = (request.caller.user_id, request.caller.idempotency_key)
        known = world.keys.get(key)
        if known is None:
            known = world.keys[key] = an_intent(UUID(request.caller.user_id))
            world.intents[known.id] = known
            return orchestrator_pb2.PrepareResponse(intent=known, created=True)
        return orchestrator_pb2.PrepareResponse(intent=known, created=False)

    async def TrackCollectionTx(self, request: Any, context: Any) -> Any:
        self._world.enter("TrackCollectionTx", request)
        return self._own(request)

    async def TrackMintTx(self, request: Any, context: Any) -> Any:
        self._world.enter("TrackMintTx", request)
        return self._own(request)

    async def GetIntent(self, request: Any, context: Any) -> Any:
        self._world.enter("GetIntent", request)
        found = orchestrator_pb2.Intent()
        found.CopyFrom(self._own(request))
        if self._world.on_get_intent is not None:
            await self._world.on_get_intent()
        return found

    async def BatchGetIntents(self, request: Any, context: Any) -> Any:
        self._world.enter("BatchGetIntents", request)
        known = [self._world.intents[i] for i in request.intent_ids if i in self._world.intents]
        return orchestrator_pb2.BatchGetIntentsResponse(intents=[i for i in known if i.user_id == request.user_id])

    def _own(self, request: Any) -> Any:
        found = self._world.intents.get(request.intent_id)
        if found is None or found.user_id != request.user_id:
            raise NotFound("INTENT_NOT_FOUND", "there is no such intent of yours")
        return found

    async def ListIntents(self, request: Any, context: Any) -> Any:
        self._world.enter("ListIntents", request)
        own = [i for i in self._world.intents.values() if i.user_id == request.user_id]
        rows, page, cursors = _page(own, request.page)
        return orchestrator_pb2.ListIntentsResponse(intents=rows, page=page, cursors=cursors)


def _tokens() -> auth_pb2.TokenPair:
    return auth_pb2.TokenPair(
        access_token="token-alice", access_expires_at=stamp(), refresh_token="r1", refresh_expires_at=stamp()
    )


def _page(rows: list[Any], page: common_pb2.PageRequest) -> tuple[list[Any], common_pb2.PageInfo, list[str]]:
    start = int(page.after or 0)
    found = rows[start : start + page.first]
    cursors = [str(start + i + 1) for i in range(len(found))]
    more = start + len(found) < len(rows)
    return found, common_pb2.PageInfo(has_next_page=more, end_cursor=cursors[-1] if cursors else ""), cursors


@asynccontextmanager
async def serving_fakes(settings: Settings, world: World) -> AsyncIterator[None]:
    """One gRPC server for each service, on the ports of `settings`."""
    servicers: dict[str, tuple[Any, Any, str]] = {
        "auth": (auth_pb2_grpc.add_AuthServiceServicer_to_server, Auth(world), "mercato.auth.v1.AuthService"),
        "users": (users_pb2_grpc.add_UsersServiceServicer_to_server, Users(world), "mercato.users.v1.UsersService"),
        "wallets": (
            wallets_pb2_grpc.add_WalletsServiceServicer_to_server,
            Wallets(world),
            "mercato.wallets.v1.WalletsService",
        ),
        "chains": (
            chains_pb2_grpc.add_ChainsServiceServicer_to_server,
            Chains(world),
            "mercato.chains.v1.ChainsService",
        ),
        "indexer": (
            indexer_pb2_grpc.add_IndexerServiceServicer_to_server,
            Indexer(world),
            "mercato.indexer.v1.IndexerService",
        ),
        "catalog": (
            catalog_pb2_grpc.add_CatalogServiceServicer_to_server,
            Catalog(world),
            "mercato.catalog.v1.CatalogService",
        ),
        "media": (media_pb2_grpc.add_MediaServiceServicer_to_server, Media(world), "mercato.media.v1.MediaService"),
        "orchestrator": (
            orchestrator_pb2_grpc.add_OrchestratorServiceServicer_to_server,
            Orchestrator(world),
            "mercato.orchestrator.v1.OrchestratorService",
        ),
    }
    async with AsyncExitStack() as stack:
        for service, servicer in servicers.items():
            await stack.enter_async_context(grpc.serving(settings, service, [servicer]))
        yield
