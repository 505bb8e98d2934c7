"""Who signed: EIP-191 messages, recovery of plain accounts, and contract wallets (ERC-1271, ERC-6492).

The order in `is_valid_signature` is: an ERC-6492 wrapper first, then recovery, then the contract. Recovery needs no
node, so a plain account signs in while its chain is down, and a signature that recovers to the address proves its key,
which since EIP-7702 rules the address even when code stands there. Asking the contract first, as the reference
validator of ERC-6492 does, would accept nothing that this order refuses.
"""

from __future__ import annotations

import time
from functools import lru_cache

from coincurve import PublicKey

from mercato.evm.abi import UNDECODABLE, Function, UndecodableData, decode
from mercato.evm.counterfactual import deploy_and_ask
from mercato.evm.rpc import NodeUnavailable, Reverted, RpcPool
from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import Address, keccak256

MAGIC_VALUE = bytes.fromhex("1626ba7e")
"""What isValidSignature of ERC-1271 returns for a valid one, as the first four bytes of a word."""

WRAPPER_SUFFIX = bytes.fromhex("6492" * 16)
"""The last 32 bytes of a signature of a wallet that is not deployed yet (ERC-6492)."""

SIGNATURE_LIMIT = 16_384
"""Most bytes of a signature. Contract wallets with many owners stay far below."""

CONTRACT_GAS = 3_000_000
"""Gas a wallet contract may burn to check a signature: P-256 in plain EVM code takes about 400,000."""

DEPLOYMENT_GAS = 10_000_000
"""The same with the wallet's deployment before it."""

CONTRACT_TIMEOUT = 3.0
"""Seconds for the whole check, however many questions it takes: who waits for it has five."""

_WRAPPER_TYPES = ("address", "bytes", "bytes")
_IS_VALID_SIGNATURE = Function("isValidSignature(bytes32,bytes)", returns="(bytes4)")
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_HALF_ORDER = _ORDER // 2
_COMPACT_LENGTH = 64
_FULL_LENGTH = 65
_PARITY_BIT = 1 << 255


def personal_message_hash(message: str | bytes) -> bytes:
    """What ``personal_sign`` signs (EIP-191, version 0x45); text is taken as UTF-8."""
    raw = message.encode() if isinstance(message, str) else message
    return keccak256(b"\x19Ethereum Signed Message:\n%d" % len(raw) + raw)


def recover(digest: bytes, signature: bytes) -> Address:
    """The account whose key signed the 32-byte `digest`.

    Takes 65 bytes ``r ‖ s ‖ v`` with v of 0, 1, 27 or 28, and the 64 bytes of EIP-2098. An s in the upper half of the
    curve's order is refused (EIP-2): for every signature there would be a second one of the same message.
    Raises `InvalidArgument` INVALID_SIGNATURE.
    """
    if len(digest) != 32:
        raise ValueError(f"a digest has 32 bytes, not {len(digest)}")
    r, s, parity = _parts(signature)
    if not 0 < int.from_bytes(s) <= _HALF_ORDER:
        raise InvalidArgument("INVALID_SIGNATURE", "s is outside the lower half of the curve order; sign again")
    try:
        key = PublicKey.from_signature_and_message(r + s + bytes([parity]), digest, hasher=None)
    except ValueError as error:
        raise InvalidArgument("INVALID_SIGNATURE", "no key gives this signature; sign again") from error
    return Address(keccak256(key.format(compressed=False)[1:])[12:])


@lru_cache(maxsize=65_536)
def checksum(address: bytes) -> str:
    """EIP-55 form of 20 bytes; the same accounts come again and again."""
    return Address(address).checksum


async def is_valid_signature(
    pool: RpcPool | None, address: Address, digest: bytes, signature: bytes, *, timeout: float = CONTRACT_TIMEOUT
) -> bool:
    """Whether `address` signed the 32-byte `digest`, be it a plain account or a contract wallet.

    Without a pool only plain accounts can be right. `timeout` is in seconds. Raises what `verify_contract_signature`
    raises.
    """
    if len(signature) > SIGNATURE_LIMIT:
        return False
    if signature.endswith(WRAPPER_SUFFIX):
        return pool is not None and await _verify_wrapped(pool, address, digest, signature, timeout)
    if _recovers_to(address, digest, signature):
        return True
    return pool is not None and await verify_contract_signature(pool, address, digest, signature, timeout=timeout)


async def verify_contract_signature(
    pool: RpcPool,
    address: Address,
    digest: bytes,
    signature: bytes,
    *,
    gas: int = CONTRACT_GAS,
    timeout: float = CONTRACT_TIMEOUT,
) -> bool:
    """Asks the contract at `address` (ERC-1271). No contract, a revert and any other answer mean no.

    `timeout` is in seconds. Raises `NodeUnavailable` when no node answers, which is no verdict.
    """
    question = _IS_VALID_SIGNATURE.encode(digest, signature)
    try:
        return _says_yes(await pool.call(address, question, gas=gas, timeout=timeout))
    except Reverted:
        return False


async def _verify_wrapped(pool: RpcPool, address: Address, digest: bytes, signature: bytes, timeout: float) -> bool:
    """ERC-6492: the wallet as it is; else as it will be after its factory was called, in one simulated run."""
    try:
        factory, deployment, inner = decode(_WRAPPER_TYPES, signature.removesuffix(WRAPPER_SUFFIX))
    except UNDECODABLE:
        return False
    started_at = time.monotonic()
    if await verify_contract_signature(pool, address, digest, inner, timeout=timeout):
        return True
    left = timeout - (time.monotonic() - started_at)
    if left <= 0:
        raise NodeUnavailable("NODE_UNAVAILABLE", f"no node of {pool.chain.caip2} answered within {timeout:.1f} s")
    question = _IS_VALID_SIGNATURE.encode(digest, inner)
    program = deploy_and_ask(factory, deployment, address, question)
    try:
        return _says_yes(await pool.call(None, program, gas=DEPLOYMENT_GAS, timeout=left))
    except Reverted:
        return False


def _says_yes(answer: bytes) -> bool:
    try:
        (value,) = _IS_VALID_SIGNATURE.decode_result(answer)
    except UndecodableData:
        return False
    return bool(value == MAGIC_VALUE)


def _recovers_to(address: Address, digest: bytes, signature: bytes) -> bool:
    try:
        return recover(digest, signature) == address
    except InvalidArgument:
        return False


def _parts(signature: bytes) -> tuple[bytes, bytes, int]:
    """r, s and the parity of the point's y."""
    if len(signature) == _COMPACT_LENGTH:
        packed = int.from_bytes(signature[32:])
        return signature[:32], (packed & ~_PARITY_BIT).to_bytes(32), packed >> 255
    if len(signature) != _FULL_LENGTH:
        raise InvalidArgument("INVALID_SIGNATURE", f"a signature has 65 or 64 bytes, not {len(signature)}")
    v = signature[64]
    if v not in (0, 1, 27, 28):
        raise InvalidArgument("INVALID_SIGNATURE", f"v is 0, 1, 27 or 28, not {v}")
    return signature[:32], signature[32:64], v % 27
