"""A real anvil that mines only when told to, and the collections on it."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from mercato.evm import artifacts
from mercato.evm.abi import Function
from mercato.evm.rpc import Endpoint, Header, NodeUnavailable, RpcPool
from mercato.kit.ids import Address, ChainId
from mercato.services.indexer.model.chain import PROVEN_SPAN

_GAS = 12_000_000
_INIT = "(string,string,string,string,address,uint96,(uint128,uint64,uint32,uint64,uint64,bytes32,address))"
_CREATE = {
    721: Function(f"createCollection721(bytes32,{_INIT})"),
    1155: Function(f"createCollection1155(bytes32,{_INIT})"),
}
_PREDICT = Function("predictAddress(address,bytes32,uint8)", returns="(address)")
_MINT = Function("mint(address,uint256,bytes32[])")
_AIRDROP_BATCH = Function("airdropBatch(address,uint256[],uint256[])")
_TRANSFER = Function("transferFrom(address,address,uint256)")
_APPROVE_ALL = Function("setApprovalForAll(address,bool)")
_APPROVE = Function("approve(address,uint256)")
_BASE_URI = Function("setBaseURI(string)")
_ROYALTY = Function("setDefaultRoyalty(address,uint96)")
_NOBODY = Address(bytes(20))


class Anvil:
    """One chain. Transactions wait until `mine`; each of them is sent by an account anvil holds the key of."""

    def __init__(self, chain: ChainId, url: str, pool: RpcPool) -> None:
        self.chain = chain
        self.url = url
        self.pool = pool
        self.accounts: list[Address] = []
        self.factory = _NOBODY

    async def rpc(self, method: str, *params: object) -> Any:
        return await self.pool.raw(method, *params)

    async def mine(self, blocks: int = 1) -> Header:
        """The new head."""
        for _ in range(blocks):
            await self.rpc("evm_mine")
        return await self.head()

    async def bury(self) -> Header:
        """Mines so many empty blocks that everything before is history. The new head."""
        await self.rpc("anvil_mine", hex(PROVEN_SPAN + 1))
        return await self.head()

    async def head(self) -> Header:
        header = await self.pool.find_header("latest")
        assert header is not None
        return header

    async def send(self, sender: Address, to: Address | None, data: bytes, value: int = 0) -> bytes:
        """The hash of a transaction that waits in the pool."""
        fields = {"from": sender.text, "data": "0x" + data.hex(), "gas": hex(_GAS), "value": hex(value)}
        tx_hash: str = await self.rpc("eth_sendTransaction", fields | ({"to": to.text} if to is not None else {}))
        return bytes.fromhex(tx_hash[2:])

    async def deploy_factory(self) -> Address:
        """Mines one block."""
        tx_hash = await self.send(self.accounts[0], None, artifacts.load("CollectionFactory").bytecode)
        await self.mine()
        receipt = await self.pool.find_receipt(tx_hash)
        assert receipt is not None
        assert receipt.succeeded
        assert receipt.contract_address is not None
        self.factory = receipt.contract_address
        return self.factory

    async def create(self, creator: Address, salt: int = 1, standard: int = 721) -> Address:
        """The address a collection has after the next `mine`; its mint is free and open."""
        terms = (0, 0, 0, 0, 0, bytes(32), _NOBODY)
        init = ("Herons", "HRN", "ipfs://base/", "ipfs://contract", _NOBODY, 0, terms)
        salt_bytes = salt.to_bytes(32, "big")
        await self.send(creator, self.factory, _CREATE[standard].encode(salt_bytes, init))
        asked = _PREDICT.encode(creator, salt_bytes, 0 if standard == 721 else 1)
        (address,) = _PREDICT.decode_result(await self.pool.call(self.factory, asked))
        return Address(address)

    async def mint(self, collection: Address, to: Address, quantity: int = 1) -> bytes:
        return await self.send(to, collection, _MINT.encode(to, quantity, []))

    async def airdrop_batch(
        self, collection: Address, by: Address, to: Address, ids: Sequence[int], amounts: Sequence[int]
    ) -> bytes:
        return await self.send(by, collection, _AIRDROP_BATCH.encode(to, list(ids), list(amounts)))

    async def transfer(self, collection: Address, sender: Address, to: Address, token_id: int) -> bytes:
        return await self.send(sender, collection, _TRANSFER.encode(sender, to, token_id))

    async def approve_all(self, collection: Address, owner: Address, operator: Address) -> bytes:
        return await self.send(owner, collection, _APPROVE_ALL.encode(operator, True))

    async def approve(self, collection: Address, owner: Address, operator: Address, token_id: int) -> bytes:
        return await self.send(owner, collection, _APPROVE.encode(operator, token_id))

    async def set_base_uri(self, collection: Address, by: Address, uri: str) -> bytes:
        return await self.send(by, collection, _BASE_URI.encode(uri))

    async def set_royalty(self, collection: Address, by: Address, receiver: Address, bps: int) -> bytes:
        return await self.send(by, collection, _ROYALTY.encode(receiver, bps))

    async def reorg(self, depth: int, transactions: Sequence[tuple[str, int]] = ()) -> Header:
        """Replaces the newest `depth` blocks; raw transactions go into the block of their index."""
        await self.rpc("anvil_reorg", depth, list(transactions))
        return await self.head()


@asynccontextmanager
async def running_anvil(chain: ChainId) -> AsyncIterator[Anvil]:
    """A fresh anvil on a free port, stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(artifacts.anvil_path()), "--port", str(port), "--chain-id", str(int(chain)), "--accounts", "6",
               "--no-mining", "--order", "fifo", "--gas-limit", "200000000"]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile() as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=subprocess.STDOUT)
        try:
            async with RpcPool(chain, [Endpoint(url)]) as pool:
                anvil = Anvil(chain, url, pool)
                anvil.accounts = [Address.parse(text) for text in await _accounts(pool)]
                yield anvil
        finally:
            process.terminate()
            await process.wait()


async def _accounts(pool: RpcPool) -> list[str]:
    for _ in range(100):
        try:
            accounts: list[str] = await pool.raw("eth_accounts")
        except NodeUnavailable:
            await asyncio.sleep(0.1)
        else:
            return accounts
    raise RuntimeError("anvil did not answer within 10 s")
