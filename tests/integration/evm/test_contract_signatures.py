"""Contract wallets on anvil: deployed (ERC-1271), not yet deployed (ERC-6492), and hostile ones."""

from __future__ import annotations

import asyncio
import time

import pytest
from coincurve import PrivateKey
from compiled import creation_code
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from scripted_node import ScriptedNode, listening

from mercato.evm.abi import Function, encode
from mercato.evm.rpc import NodeUnavailable, RpcPool
from mercato.evm.signatures import (
    WRAPPER_SUFFIX,
    is_valid_signature,
    personal_message_hash,
    verify_contract_signature,
)
from mercato.kit.ids import Address, ChainId, keccak256

ANVIL = 31337
KEY, OTHER_KEY = PrivateKey(b"\x46" * 32), PrivateKey(b"\x47" * 32)
DIGEST = personal_message_hash("sign in")
FRIENDLY, REVERTING, ENDLESS, REVERTING_WITH_MAGIC, DIRTY_MAGIC, SHORT_MAGIC = range(6)

CREATE = Function("create(address,uint256,bytes32)")
PREDICT = Function("predict(address,uint256,bytes32)", returns="(address)")


def address_of(key: PrivateKey) -> Address:
    return Address(keccak256(key.public_key.format(compressed=False)[1:])[12:])


def sign(key: PrivateKey, digest: bytes = DIGEST) -> bytes:
    raw = key.sign_recoverable(digest, hasher=None)
    return raw[:64] + bytes([raw[64] + 27])


async def transact(chain: RpcPool, to: Address | None, data: bytes) -> Address | None:
    """Sends from anvil's first account and gives the contract that was created."""
    (sender, *_) = await chain.raw("eth_accounts")
    fields = {"from": sender, "data": "0x" + data.hex(), "gas": hex(3_000_000)}
    tx_hash = await chain.raw("eth_sendTransaction", fields | ({"to": to.text} if to else {}))
    while (receipt := await chain.find_receipt(bytes.fromhex(tx_hash[2:]))) is None:
        await asyncio.sleep(0.01)
    assert receipt.succeeded
    return receipt.contract_address


async def deploy_wallet(chain: RpcPool, mood: int) -> Address:
    arguments = encode(["address", "uint256"], [address_of(KEY), mood])
    wallet = await transact(chain, None, creation_code()["Wallet"] + arguments)
    assert wallet is not None
    return wallet


@pytest.fixture(scope="module")
async def factory(chain: RpcPool) -> Address:
    deployed = await transact(chain, None, creation_code()["WalletFactory"])
    assert deployed is not None
    return deployed


async def predicted(chain: RpcPool, factory: Address, mood: int, salt: bytes) -> Address:
    (wallet,) = PREDICT.decode_result(await chain.call(factory, PREDICT.encode(address_of(KEY), mood, salt)))
    return Address(wallet)


def wrapped(factory: Address, mood: int, salt: bytes, inner: bytes) -> bytes:
    deployment = CREATE.encode(address_of(KEY), mood, salt)
    return encode(["address", "bytes", "bytes"], [factory, deployment, inner]) + WRAPPER_SUFFIX


async def test_wallet_says_yes_to_its_owner_and_no_to_others(chain: RpcPool) -> None:
    wallet = await deploy_wallet(chain, FRIENDLY)

    assert await is_valid_signature(chain, wallet, DIGEST, sign(KEY))
    assert not await is_valid_signature(chain, wallet, DIGEST, sign(OTHER_KEY))
    assert not await is_valid_signature(chain, wallet, personal_message_hash("other"), sign(KEY))


@pytest.mark.parametrize("mood", [REVERTING, ENDLESS, REVERTING_WITH_MAGIC, DIRTY_MAGIC, SHORT_MAGIC])
async def test_wallet_that_does_not_plainly_say_yes_says_no(chain: RpcPool, mood: int) -> None:
    wallet = await deploy_wallet(chain, mood)
    started = time.monotonic()

    assert not await verify_contract_signature(chain, wallet, DIGEST, sign(KEY))
    assert time.monotonic() - started < 3.0


async def test_plain_account_needs_no_contract_and_a_wrong_key_finds_none(chain: RpcPool) -> None:
    assert await is_valid_signature(chain, address_of(KEY), DIGEST, sign(KEY))
    assert not await is_valid_signature(chain, address_of(OTHER_KEY), DIGEST, sign(KEY))


async def test_owner_of_a_key_stays_valid_when_code_stands_at_the_account(chain: RpcPool) -> None:
    owner = PrivateKey(b"\x48" * 32)
    await chain.raw("anvil_setCode", address_of(owner).text, "0xef0100" + "11" * 20)

    assert await is_valid_signature(chain, address_of(owner), DIGEST, sign(owner))
    assert not await is_valid_signature(chain, address_of(owner), DIGEST, sign(OTHER_KEY))


async def test_wallet_that_is_not_deployed_yet_is_asked_in_a_simulation(chain: RpcPool, factory: Address) -> None:
    salt = b"\x01" * 32
    wallet = await predicted(chain, factory, FRIENDLY, salt)

    assert await is_valid_signature(chain, wallet, DIGEST, wrapped(factory, FRIENDLY, salt, sign(KEY)))
    assert not await is_valid_signature(chain, wallet, DIGEST, wrapped(factory, FRIENDLY, salt, sign(OTHER_KEY)))
    assert await chain.code(wallet) == b""


async def test_wrapped_signature_of_a_wallet_deployed_meanwhile_is_valid(chain: RpcPool, factory: Address) -> None:
    salt = b"\x02" * 32
    wallet = await predicted(chain, factory, FRIENDLY, salt)
    await transact(chain, factory, CREATE.encode(address_of(KEY), FRIENDLY, salt))
    assert await chain.code(wallet) != b""

    assert await is_valid_signature(chain, wallet, DIGEST, wrapped(factory, FRIENDLY, salt, sign(KEY)))
    assert not await is_valid_signature(chain, wallet, DIGEST, wrapped(factory, FRIENDLY, salt, sign(OTHER_KEY)))


@pytest.mark.parametrize("mood", [REVERTING, ENDLESS, REVERTING_WITH_MAGIC, DIRTY_MAGIC, SHORT_MAGIC])
async def test_undeployed_wallet_that_does_not_plainly_say_yes_says_no(
    chain: RpcPool, factory: Address, mood: int
) -> None:
    salt = b"\x03" * 32
    wallet = await predicted(chain, factory, mood, salt)

    assert not await is_valid_signature(chain, wallet, DIGEST, wrapped(factory, mood, salt, sign(KEY)))


async def test_wrapper_that_deploys_another_wallet_proves_nothing(chain: RpcPool, factory: Address) -> None:
    wallet = await predicted(chain, factory, FRIENDLY, b"\x04" * 32)

    assert not await is_valid_signature(chain, wallet, DIGEST, wrapped(factory, FRIENDLY, b"\x05" * 32, sign(KEY)))


async def test_wrapper_for_a_plain_account_is_no_way_around_its_key(chain: RpcPool, factory: Address) -> None:
    signature = wrapped(factory, FRIENDLY, b"\x06" * 32, sign(KEY))

    assert not await is_valid_signature(chain, address_of(KEY), DIGEST, signature)


@pytest.mark.parametrize("body", [b"", b"\x01" * 64, b"\xff" * 96])
async def test_wrapper_around_nonsense_is_not_valid(chain: RpcPool, body: bytes) -> None:
    assert not await is_valid_signature(chain, address_of(KEY), DIGEST, body + WRAPPER_SUFFIX)


APPROVE = Function("approve(bytes32,bool)")
TRUST = Function("trust(address)")


async def test_empty_signature_is_valid_while_the_wallets_owner_approves_the_message_on_chain(chain: RpcPool) -> None:
    wallet = await transact(chain, None, creation_code()["ApprovingWallet"])
    assert wallet is not None

    assert not await is_valid_signature(chain, wallet, DIGEST, b"")
    await transact(chain, wallet, APPROVE.encode(DIGEST, True))
    assert await is_valid_signature(chain, wallet, DIGEST, b"")
    assert not await is_valid_signature(chain, wallet, personal_message_hash("other"), b"")
    assert not await is_valid_signature(chain, wallet, DIGEST, sign(KEY))
    await transact(chain, wallet, APPROVE.encode(DIGEST, False))
    assert not await is_valid_signature(chain, wallet, DIGEST, b"")


async def test_empty_signature_says_nothing_where_no_code_stands(chain: RpcPool) -> None:
    assert not await is_valid_signature(chain, Address(b"\x9a" * 20), DIGEST, b"")
    # The precompile at 4 answers with what it is asked.
    assert not await is_valid_signature(chain, Address(bytes(19) + b"\x04"), DIGEST, b"")


async def delegate(chain: RpcPool, account: LocalAccount, code: Address, data: bytes) -> None:
    """Has a plain account delegate to `code` and calls it with `data`, in one transaction of its own (EIP-7702)."""
    authorization = account.sign_authorization({"chainId": ANVIL, "address": code.checksum, "nonce": 1})
    signed = account.sign_transaction(
        {
            "type": 4,
            "chainId": ANVIL,
            "nonce": 0,
            "to": account.address,
            "data": "0x" + data.hex(),
            "value": 0,
            "gas": 500_000,
            "maxFeePerGas": 10**11,
            "maxPriorityFeePerGas": 0,
            "authorizationList": [authorization],
        }
    )
    tx_hash = await chain.raw("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())
    while (receipt := await chain.find_receipt(bytes.fromhex(tx_hash[2:]))) is None:
        await asyncio.sleep(0.01)
    assert receipt.succeeded


async def test_delegating_account_signs_by_its_own_key_and_by_what_its_code_allows(chain: RpcPool) -> None:
    code = await transact(chain, None, creation_code()["Delegate"])
    assert code is not None
    owner: LocalAccount = Account.create()
    account = Address.parse(owner.address)
    await chain.raw("anvil_setBalance", account.text, hex(10**18))
    by_owner = bytes(owner.sign_message(encode_defunct(text="sign in")).signature)

    assert not await is_valid_signature(chain, account, DIGEST, sign(OTHER_KEY))
    await delegate(chain, owner, code, TRUST.encode(address_of(OTHER_KEY)))
    assert await chain.code(account) == bytes.fromhex("ef0100") + code

    assert await is_valid_signature(chain, account, DIGEST, by_owner)
    assert await is_valid_signature(None, account, DIGEST, by_owner)
    assert await is_valid_signature(chain, account, DIGEST, sign(OTHER_KEY))
    assert not await is_valid_signature(chain, account, DIGEST, sign(KEY))
    assert not await is_valid_signature(chain, account, personal_message_hash("other"), sign(OTHER_KEY))


# ERC-1271: the magic value as long as more than 3,500,000 gas are left.
GREEDY_WALLET = "0x5a63003567e010631626ba7e60e01b0260005260206000f3"


async def test_wallet_that_says_yes_only_for_more_gas_than_it_is_given_says_no(chain: RpcPool) -> None:
    wallet = Address(b"\x9b" * 20)
    await chain.raw("anvil_setCode", wallet.text, GREEDY_WALLET)

    assert await verify_contract_signature(chain, wallet, DIGEST, b"", gas=5_000_000)
    assert not await is_valid_signature(chain, wallet, DIGEST, b"")


async def test_each_question_to_a_strangers_code_names_what_it_may_burn() -> None:
    asked: list[dict[str, str]] = []

    def answer(parameters: list[dict[str, str]]) -> str:
        asked.append(parameters[0])
        return "0x" + "00" * 32

    node = ScriptedNode(results={"eth_call": answer})
    async with listening(node), RpcPool(ChainId(1), [node.endpoint()]) as pool:
        assert not await is_valid_signature(pool, address_of(OTHER_KEY), DIGEST, sign(KEY))
        wrapper = wrapped(address_of(KEY), FRIENDLY, b"\x07" * 32, sign(KEY))
        assert not await is_valid_signature(pool, address_of(OTHER_KEY), DIGEST, wrapper)
    assert [int(call["gas"], 16) for call in asked] == [3_000_000, 3_000_000, 10_000_000]
    assert ["to" in call for call in asked] == [True, True, False]


async def test_a_wrapped_signature_has_one_time_out_for_both_questions() -> None:
    node = ScriptedNode(results={"eth_call": lambda _: "0x" + "00" * 32}, delay=0.5)
    wrapper = wrapped(address_of(KEY), FRIENDLY, b"\x08" * 32, sign(KEY))
    async with listening(node), RpcPool(ChainId(1), [node.endpoint()]) as pool:
        assert not await is_valid_signature(pool, address_of(OTHER_KEY), DIGEST, wrapper, timeout=30.0)
        with pytest.raises(NodeUnavailable):
            await is_valid_signature(pool, address_of(OTHER_KEY), DIGEST, wrapper, timeout=0.8)


async def test_node_that_does_not_answer_in_time_is_no_verdict() -> None:
    node = ScriptedNode(results={"eth_call": lambda _: "0x" + "00" * 32}, delay=30.0)
    async with listening(node), RpcPool(ChainId(1), [node.endpoint()], patience=0.5) as pool:
        with pytest.raises(NodeUnavailable):
            await verify_contract_signature(pool, address_of(KEY), DIGEST, b"", timeout=0.2)
