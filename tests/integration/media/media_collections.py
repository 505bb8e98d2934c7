"""Real collections on a local chain, made and minted without the rest of the marketplace."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any

from mercato.evm.abi import Function
from mercato.evm.rpc import RpcPool
from mercato.kit.ids import ZERO_ADDRESS, Address
from mercato.stack.seeding import factory_address

_INIT = "(string,string,string,string,address,uint96,(uint128,uint64,uint32,uint64,uint64,bytes32,address))"
_CREATE_721 = Function(f"createCollection721(bytes32,{_INIT})", returns="(address)")
_CREATE_1155 = Function(f"createCollection1155(bytes32,{_INIT})", returns="(address)")
_AIRDROP_721 = Function("airdrop(address,uint256)")
_SET_TOKEN_URI = Function("setTokenURI(uint256,string)")
_OPEN_AND_FREE = (0, 0, 0, 0, 0, bytes(32), ZERO_ADDRESS)
_GAS = hex(5_000_000)


@dataclass(frozen=True)
class Deployer:
    """An account of the local chain that owns what it creates."""

    node: RpcPool
    account: Address

    @classmethod
    async def on(cls, node: RpcPool) -> Deployer:
        """The first account that the node signs for."""
        return cls(node, Address.parse((await node.raw("eth_accounts"))[0]))

    async def collection_721(self, base_uri: str, tokens: int) -> Address:
        """An ERC-721 collection with tokens 1 to `tokens`."""
        contract = await self._create(_CREATE_721, base_uri)
        await self._send(contract, _AIRDROP_721.encode(self.account, tokens))
        return contract

    async def collection_1155(self, base_uri: str, own_uris: dict[int, str]) -> Address:
        """An ERC-1155 collection; the ids of `own_uris` have a URI of their own."""
        contract = await self._create(_CREATE_1155, base_uri)
        for token_id, uri in own_uris.items():
            await self._send(contract, _SET_TOKEN_URI.encode(token_id, uri))
        return contract

    async def _create(self, create: Function, base_uri: str) -> Address:
        init = ("Quiet Places", "QUIET", base_uri, "", ZERO_ADDRESS, 0, _OPEN_AND_FREE)
        data = create.encode(secrets.token_bytes(32), init)
        contract = create.decode_result(await self.node.call(factory_address(), data, sender=self.account))[0]
        await self._send(factory_address(), data)
        assert isinstance(contract, Address)
        return contract

    async def _send(self, to: Address, data: bytes) -> None:
        transaction: dict[str, Any] = {"from": self.account.text, "to": to.text, "data": "0x" + data.hex(), "gas": _GAS}
        tx_hash = await self.node.raw("eth_sendTransaction", transaction)
        async with asyncio.timeout(10):
            while (receipt := await self.node.raw("eth_getTransactionReceipt", tx_hash)) is None:
                await asyncio.sleep(0.005)
        assert receipt["status"] == "0x1", receipt
