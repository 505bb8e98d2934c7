"""What the tests of sign-in share: keys that sign, and calls as a client makes them."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookies import Morsel, SimpleCookie
from typing import TYPE_CHECKING, Any

import aiohttp
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from mercato.kit import grpc
from mercato.kit.ids import Address
from mercato.kit.settings import Settings
from mercato.rpc.auth.v1 import auth_pb2 as pb
from mercato.rpc.chains.v1 import chains_pb2
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub

if TYPE_CHECKING:
    from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub
    from mercato.stack import LocalStack

CHAIN = "eip155:31337"
DOMAINS = ("localhost:8080", "127.0.0.1:8080")
ORIGIN = f"http://{DOMAINS[0]}"
SUBPROTOCOL = "graphql-transport-ws"

_ips = itertools.count(1)


def new_client() -> pb.Client:
    """A client with an IP of its own, so that no test meets another one's limits."""
    number = next(_ips)
    return pb.Client(ip=f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", user_agent="tests/1")


@dataclass(frozen=True)
class Wallet:
    """A plain account."""

    account: LocalAccount

    @classmethod
    def fresh(cls) -> Wallet:
        return cls(Account.create())

    @property
    def address(self) -> Address:
        return Address.parse(self.account.address)

    def sign(self, message: str) -> bytes:
        """As ``personal_sign`` does: 65 bytes, v 27 or 28."""
        return bytes(self.account.sign_message(encode_defunct(text=message)).signature)


ADMIN = Wallet.fresh()
"""Named by address in the settings."""
ADMIN_CONTRACT = Address(os.urandom(20)).checksum
"""Named with `CHAIN`."""
ADDRESS_LIMIT = 240
"""Requests per minute for one wallet: two networks' worth."""


POLICY = {
    "siwe_domains": DOMAINS, "siwe_uris": tuple(f"http://{domain}" for domain in DOMAINS),
    "auth_address_limit": ADDRESS_LIMIT, "admin_addresses": (ADMIN.address.checksum, f"{CHAIN}:{ADMIN_CONTRACT}"),
}  # fmt: skip


async def registered(settings: Settings, stack: LocalStack) -> None:
    """Has the running registry know both local chains."""
    async with grpc.connected(settings, "chains", ChainsServiceStub) as registry:
        for chain in stack.chains:
            caip2 = chain.chain_id.caip2
            described = chains_pb2.Chain(
                chain_id=caip2, name=chain.name, currency_symbol="ETH", currency_decimals=18, enabled=True,
                scope=chains_pb2.INDEX_SCOPE_ALL,
            )  # fmt: skip
            await registry.PutChain(chains_pb2.PutChainRequest(chain=described))
            endpoint = chains_pb2.Endpoint(url=chain.url, weight=1)
            await registry.PutEndpoint(chains_pb2.PutEndpointRequest(chain_id=caip2, endpoint=endpoint))


async def asked(auth: AuthServiceAsyncStub, address: Address, client: pb.Client, chain: str = CHAIN) -> str:
    """The message to sign."""
    answer = await auth.IssueNonce(pb.IssueNonceRequest(address=address, chain_id=chain, client=client))
    return answer.message


async def signed_in(
    auth: AuthServiceAsyncStub, wallet: Wallet, client: pb.Client | None = None, chain: str = CHAIN
) -> pb.SignInResponse:
    """The whole way, as a client goes it."""
    client = client or new_client()
    message = await asked(auth, wallet.address, client, chain)
    return await auth.SignIn(pb.SignInRequest(message=message, signature=wallet.sign(message), client=client))


@dataclass(frozen=True)
class Answer:
    """One HTTP answer of the public API."""

    status: int
    headers: Mapping[str, str]
    body: Any
    cookies: Mapping[str, Morsel[str]]

    @property
    def data(self) -> Any:
        assert "errors" not in self.body, self.body
        return self.body["data"]

    @property
    def reason(self) -> str:
        reason: str = self.body["errors"][0]["extensions"]["reason"]
        return reason


NONCE = "mutation ($input: RequestNonceInput!) { requestNonce(input: $input) { message } }"
SIGN_IN = """mutation ($input: SignInInput!) { signIn(input: $input) { user { id }
  tokens { accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt } } }"""
REFRESH = (
    "mutation ($input: RefreshSessionInput!) { refreshSession(input: $input) { tokens { accessToken refreshToken } } }"
)
WHO = "{ viewer { address sessions { id current } } }"


class Edge:
    """The public API as anybody reaches it: nothing is added to a request that a test does not name."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session

    async def post(
        self, query: str, path: str = "/graphql", headers: Mapping[str, str] | None = None, **variables: Any
    ) -> Answer:
        body = json.dumps({"query": query, "variables": variables}).encode()
        return await self.send("POST", path, body, {"Content-Type": "application/json", **(headers or {})})

    async def send(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        given = {"X-Forwarded-For": new_client().ip, **(headers or {})}
        async with self.session.request(method, self.url + path, data=body, headers=given) as response:
            cookies: SimpleCookie = SimpleCookie()
            for line in response.headers.getall("Set-Cookie", []):
                cookies.load(line)
            raw = await response.read()
            return Answer(response.status, response.headers, json.loads(raw) if raw[:1] == b"{" else raw, cookies)

    async def message(self, wallet: Wallet, **headers: str) -> str:
        answer = await self.post(NONCE, headers=headers, input={"address": wallet.address.checksum, "chainId": CHAIN})
        message: str = answer.data["requestNonce"]["message"]
        return message

    async def sign_in(self, wallet: Wallet, transport: str = "BODY", **headers: str) -> Answer:
        """The whole way of a sign-in."""
        message = await self.message(wallet)
        signed = {"message": message, "signature": "0x" + wallet.sign(message).hex(), "transport": transport}
        return await self.post(SIGN_IN, headers=headers, input=signed)

    async def browser(self, wallet: Wallet | None = None) -> Browser:
        """One of our own pages, signed in by cookie."""
        answer = await self.sign_in(wallet or Wallet.fresh(), "COOKIE", Origin=ORIGIN)
        browser = Browser(self)
        browser.keep(answer)
        return browser

    @asynccontextmanager
    async def socket(self, payload: Any = None, **headers: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket that has sent its `connection_init`."""
        url = self.url.replace("http", "ws") + "/graphql"
        async with self.session.ws_connect(url, protocols=[SUBPROTOCOL], headers=headers) as ws:
            await ws.send_json({"type": "connection_init", "payload": payload})
            yield ws


@dataclass
class Browser:
    """Cookies as a browser keeps them; it adds what no page can: cookies by their path, and where the page is from."""

    edge: Edge
    cookies: dict[str, tuple[str, str]] = field(default_factory=dict)

    def keep(self, answer: Answer) -> None:
        for name, morsel in answer.cookies.items():
            self.cookies[name] = (morsel["path"], morsel.value)
            if morsel["max-age"] == "0":
                del self.cookies[name]

    def header(self, path: str = "/graphql") -> str:
        return "; ".join(f"{name}={value}" for name, (scope, value) in self.cookies.items() if path.startswith(scope))

    async def post(self, query: str, path: str = "/graphql", origin: str | None = ORIGIN, **variables: Any) -> Answer:
        headers = {"Cookie": self.header(path)} | ({} if origin is None else {"Origin": origin})
        answer = await self.edge.post(query, path, headers, **variables)
        self.keep(answer)
        return answer


async def closing(ws: aiohttp.ClientWebSocketResponse) -> tuple[int, str]:
    """Waits for the end of a socket: (code, reason)."""
    while True:
        message = await ws.receive(timeout=30)
        if message.type is aiohttp.WSMsgType.CLOSE:
            return int(message.data), str(message.extra or "")
        assert message.type is aiohttp.WSMsgType.TEXT, message
