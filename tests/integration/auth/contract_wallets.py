"""Contract wallets on anvil whose signer a test can change: one key in the first slot of storage (ERC-1271)."""

from __future__ import annotations

import asyncio
import os

from identity_parts import Wallet

from mercato.evm.abi import encode
from mercato.evm.rpc import Endpoint, RpcPool
from mercato.evm.signatures import WRAPPER_SUFFIX
from mercato.kit.ids import Address, keccak256
from mercato.stack.seeding import LocalChain

# isValidSignature(digest, r ‖ s ‖ v): the magic value when ecrecover(digest, v, r, s) is what the first slot holds.
RUNTIME = bytes.fromhex(
    "60043560005260a43560001a602052606435604052608435606052"  # memory: digest, v, r, s
    "602060006080600060015afa50"  # memory[0] = ecrecover(memory[0:128])
    "60005160005414631626ba7e60e01b0260005260206000f3"
)
# Which anvil has from its first block: deploys what follows the salt, by CREATE2.
FACTORY = Address.parse("0x4e59b44847b379578588920cA78FbF26c0B4956C")


async def put(chain: LocalChain, signer: Wallet, address: Address | None = None, code: bytes = RUNTIME) -> Address:
    """A deployed wallet, by default at an address of its own."""
    address = address or Address(os.urandom(20))
    async with RpcPool(chain.chain_id, [Endpoint(chain.url)]) as node:
        await node.raw("anvil_setCode", address.text, "0x" + code.hex())
    await change_signer(chain, address, signer)
    return address


async def change_signer(chain: LocalChain, address: Address, signer: Wallet) -> None:
    """As the owners of a wallet do it in a transaction."""
    async with RpcPool(chain.chain_id, [Endpoint(chain.url)]) as node:
        word = bytes(12) + signer.address
        await node.raw("anvil_setStorageAt", address.text, "0x" + "00" * 32, "0x" + word.hex())


def _creation(signer: Wallet) -> bytes:
    # PUSH20 signer, SSTORE to the first slot, return what follows these 35 bytes.
    store = bytes.fromhex("73") + signer.address + bytes.fromhex("600055")
    return store + bytes.fromhex(f"60{len(RUNTIME):02x}8060236000396000f3") + RUNTIME


def to_be_deployed(signer: Wallet, salt: bytes) -> Address:
    """Where the factory will put the wallet of `signer` (EIP-1014)."""
    return Address(keccak256(b"\xff" + FACTORY + salt + keccak256(_creation(signer)))[12:])


def wrapped(signer: Wallet, salt: bytes, message: str) -> bytes:
    """A signature of a wallet that is not deployed yet (ERC-6492)."""
    parts = [FACTORY, salt + _creation(signer), signer.sign(message)]
    return encode(["address", "bytes", "bytes"], parts) + WRAPPER_SUFFIX


async def deploy(chain: LocalChain, signer: Wallet, salt: bytes) -> None:
    """Asks the factory for it."""
    async with RpcPool(chain.chain_id, [Endpoint(chain.url)]) as node:
        (sender, *_) = await node.raw("eth_accounts")
        data = "0x" + (salt + _creation(signer)).hex()
        sent = {"from": sender, "to": FACTORY.text, "data": data, "gas": hex(1_000_000)}
        tx_hash = bytes.fromhex((await node.raw("eth_sendTransaction", sent))[2:])
        while (receipt := await node.find_receipt(tx_hash)) is None:
            await asyncio.sleep(0.01)
        assert receipt.succeeded
