"""The story itself: sign in, upload, create, mint, watch each step arrive, and read it all back."""

from __future__ import annotations

import asyncio
import struct
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mercato.evm.rpc import RpcPool
from mercato.kit.ids import ChainId, new_id
from mercato.story import documents
from mercato.story.api import Api, Json, Socket
from mercato.story.wallet import Wallet

HAPPY_PATH = ["PREPARED", "SUBMITTED", "INCLUDED", "CONFIRMED", "INDEXED"]
ENDS = {"INDEXED", "FAILED", "REPLACED", "DROPPED", "EXPIRED"}
_ETHER = 10**18


@dataclass
class Step:
    """One line of the story: what happened and how long it took, in seconds."""

    name: str
    seconds: float
    detail: str = ""


@dataclass
class Watched:
    """An intent followed to its end: (state, seconds since its transaction was sent) in order of arrival."""

    intent: Json
    states: list[str]
    arrivals: list[tuple[str, float]]
    end: Json
    tx_hash: str = ""


@dataclass
class Collection:
    """A collection made in the story."""

    standard: str
    contract: str
    watched: Watched


@dataclass
class Story:
    """One newcomer on one chain. `tell` is called with each step as it happens."""

    api: Api
    node: RpcPool
    chain: ChainId
    tell: Callable[[Step], None] = lambda step: None
    wallet: Wallet = field(default_factory=Wallet)

    def _step(self, name: str, started: float, detail: str = "") -> None:
        self.tell(Step(name, time.perf_counter() - started, detail))

    async def fund(self, ether: int = 100) -> None:
        """Gives the wallet test coins; local chains only."""
        await self.node.raw("anvil_setBalance", self.wallet.address.text, hex(ether * _ETHER))

    async def sign_in(self) -> Json:
        """Asks a nonce, signs the message, signs in; the API client carries the token from here on."""
        started = time.perf_counter()
        asked = await self.api.execute(
            documents.REQUEST_NONCE, address=self.wallet.address.checksum, chain=self.chain.caip2
        )
        message = asked["requestNonce"]["message"]
        signature = self.wallet.sign_message(message)
        answer: Json = (await self.api.execute(documents.SIGN_IN, message=message, signature=signature))["signIn"]
        self.api.token = answer["tokens"]["accessToken"]
        self._step("signed in", started, self.wallet.address.checksum)
        return answer

    async def link_wallet(self, other: Wallet) -> Json:
        """Adds a further wallet, which signs that it joins this account; the payload of `linkWallet`."""
        started = time.perf_counter()
        asked = await self.api.execute(
            documents.REQUEST_WALLET_LINK, address=other.address.checksum, chain=self.chain.caip2
        )
        message = asked["requestWalletLink"]["message"]
        answer = await self.api.execute(documents.LINK_WALLET, message=message, signature=other.sign_message(message))
        payload: Json = answer["linkWallet"]
        self._step("wallet linked", started, other.address.checksum)
        return payload

    async def read_account(self) -> Json:
        """The viewer: user, wallets, approvals in force."""
        found: Json = (await self.api.execute(documents.ACCOUNT))["viewer"]
        return found

    async def call(self, contract: str, data: bytes, gas: int = 200_000) -> None:
        """Sends a call of one's own to a contract and waits until it is mined."""
        fee = 2 * await self.node.gas_price() + 10**9
        transaction = {
            "chainNumber": int(self.chain), "to": contract, "data": "0x" + data.hex(), "value": "0", "gasLimit": gas,
            "maxFeePerGas": fee, "maxPriorityFeePerGas": 10**9,
        }  # fmt: skip
        tx_hash = await self.send({"transaction": transaction})
        async with asyncio.timeout(30):
            while (receipt := await self.node.find_receipt(bytes.fromhex(tx_hash[2:]))) is None:
                await asyncio.sleep(0.05)
        assert receipt.succeeded, tx_hash

    async def hear_own_events(self, socket: Socket, wanted: set[str]) -> dict[str, Json]:
        """Waits until the user's own subscription has told each of `wanted` (type names)."""
        started = time.perf_counter()
        events = await socket.subscribe(documents.MY_EVENTS)
        heard: dict[str, Json] = {}
        while wanted - heard.keys():
            event = (await events.next())["myEvents"]
            heard[event["__typename"]] = event
        await events.close()
        self._step("own events arrived", started, ", ".join(sorted(wanted)))
        return heard

    async def upload(self) -> tuple[Json, str]:
        """(asset, metadata URI) of a small picture made for the story."""
        started = time.perf_counter()
        answer = await self.api.upload(documents.UPLOAD, small_png(self.wallet.address), "picture.png", "image/png")
        asset: Json = answer["uploadMedia"]["asset"]
        document = {
            "name": "First light",
            "description": "Made by the story.",
            "image": asset["uri"],
            "attributes": [{"trait_type": "Mood", "value": "calm"}, {"trait_type": "Edition", "value": 1}],
        }
        stored = await self.api.execute(documents.CREATE_METADATA, document=document)
        uri: str = stored["createMetadata"]["document"]["uri"]
        self._step("picture and metadata stored", started, uri)
        return asset, uri

    async def prepare_collection(self, standard: str, uri: str, key: str | None = None, **config: str) -> Json:
        """The prepare payload of a new collection; `config` are fields of the mint config."""
        request = {
            "chainId": self.chain.caip2,
            "standard": standard,
            "name": f"Story {standard}",
            "symbol": "STORY",
            "baseUri": uri,
            "contractUri": uri,
            "royaltyBps": 500,
            "mintConfig": {"price": "1000", "maxSupply": "100", **config},
        }
        answer = await self.api.execute(documents.PREPARE_COLLECTION, input=request, key=key or str(new_id()))
        payload: Json = answer["prepareCreateCollection"]
        return payload

    async def create_collection(self, socket: Socket, standard: str, uri: str, **config: str) -> Collection:
        """Prepares, signs, sends, tracks, and follows a collection until it is indexed."""
        started = time.perf_counter()
        intent = (await self.prepare_collection(standard, uri, **config))["intent"]
        self._step(f"{standard} collection prepared", started, intent["contract"])
        watched = await self.send_and_watch(socket, intent, documents.TRACK_COLLECTION)
        return Collection(standard, intent["contract"], watched)

    async def mint(self, socket: Socket, collection: Collection, quantity: int = 1, token_id: int = 1) -> Watched:
        """Mints and follows it until it is indexed. `token_id` counts for ERC-1155 only."""
        started = time.perf_counter()
        intent = (await self.prepare_mint(collection, quantity, token_id))["intent"]
        self._step(f"{collection.standard} mint prepared", started, f"{quantity} of {collection.contract}")
        return await self.send_and_watch(socket, intent, documents.TRACK_MINT)

    async def prepare_mint(
        self, collection: Collection, quantity: int, token_id: int = 1, key: str | None = None
    ) -> Json:
        """The prepare payload of a mint."""
        request: Json = {"chainId": self.chain.caip2, "contract": collection.contract}
        if collection.standard == "ERC721":
            name, document = "prepareMint721", documents.PREPARE_MINT_721
            request |= {"quantity": quantity}
        else:
            name, document = "prepareMint1155", documents.PREPARE_MINT_1155
            request |= {"tokenId": str(token_id), "amount": str(quantity)}
        payload: Json = (await self.api.execute(document, input=request, key=key or str(new_id())))[name]
        return payload

    async def send(self, intent: Json, **changes: Any) -> str:
        """Signs an intent's transaction and sends it to the node, as a wallet does; returns its hash."""
        nonce = await self.node.transaction_count(self.wallet.address, "pending")
        raw, tx_hash = self.wallet.sign_transaction({**intent["transaction"], **changes}, nonce)
        await self.node.send_raw(raw)
        return tx_hash

    async def send_and_watch(self, socket: Socket, intent: Json, track: str) -> Watched:
        """Subscribes to the intent, sends its transaction, reports the hash, and waits for its end."""
        updates = await socket.subscribe(documents.INTENT_UPDATES, id=intent["id"])
        first = (await updates.next())["intentUpdates"]
        states, arrivals = [first["state"]], [(first["state"], 0.0)]
        sent = time.perf_counter()
        tx_hash = await self.send(intent)
        tracking = asyncio.create_task(self.api.execute(track, id=intent["id"], hash=tx_hash))
        update = first
        while states[-1] not in ENDS:
            update = (await updates.next())["intentUpdates"]
            states.append(update["state"])
            arrivals.append((update["state"], time.perf_counter() - sent))
            self._step(f"  {update['state']}", sent, (update["step"] or {}).get("note") or "")
        await tracking
        await updates.close()
        return Watched(intent, states, arrivals, update, tx_hash)

    async def until_named(self, collection: Collection, token_id: int, timeout: float = 20) -> Json:
        """The token once its metadata is joined."""
        started = time.perf_counter()
        variables = {"chain": self.chain.caip2, "contract": collection.contract, "token": str(token_id)}
        async with asyncio.timeout(timeout):
            while True:
                token: Json | None = (await self.api.execute(documents.TOKEN, **variables))["token"]
                if token and token["metadataState"] != "pending":
                    self._step("metadata joined", started, f"token {token_id}: {token['name']}")
                    return token
                await asyncio.sleep(0.05)

    async def until_ended(self, intent_id: str, timeout: float = 30) -> Json:
        """The intent once it has ended, by asking again and again as a page without a socket would."""
        async with asyncio.timeout(timeout):
            while True:
                intent: Json = (await self.api.execute(documents.INTENT, id=intent_id))["intent"]
                if intent["state"] in ENDS:
                    return intent
                await asyncio.sleep(0.1)

    async def read_collection(self, collection: Collection) -> Json:
        answer = await self.api.execute(documents.COLLECTION, chain=self.chain.caip2, contract=collection.contract)
        found: Json = answer["collection"]
        return found

    async def read_holdings(self, collection: Collection | None = None) -> Json:
        scope: Json = {"chain": self.chain.caip2, "contract": collection.contract} if collection else {}
        found: Json = (await self.api.execute(documents.HOLDINGS, **scope))["viewer"]
        return found

    async def read_activities(self, collection: Collection) -> list[Json]:
        scope = {"chainId": self.chain.caip2, "contract": collection.contract}
        found: list[Json] = (await self.api.execute(documents.ACTIVITIES, filter=scope))["activities"]["nodes"]
        return found


def small_png(seed: bytes, size: int = 64) -> bytes:
    """A PNG of stripes in colours that follow from `seed`, so that each story uploads another picture."""
    rows = b"".join(
        b"\0" + b"".join(bytes((seed[y // 8 % 20], seed[x // 8 % 20], (x * y) % 256)) for x in range(size))
        for y in range(size)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
