"""Every typed call against anvil: what is asked and what comes back."""

from __future__ import annotations

import asyncio

import pytest
from compiled import creation_code
from eth_account import Account

from mercato.evm import topics
from mercato.evm.abi import Function, decode_error, error_table
from mercato.evm.logs import TransferFact, decode
from mercato.evm.rpc import Endpoint, Receipt, Reverted, RpcError, RpcPool
from mercato.evm.transactions import ExpectedCall, UnsignedTransaction, differences
from mercato.kit.ids import Address, ChainId, Wei, keccak256

BOB = Address(b"\xb0" * 20)
TRANSFER = Function("transfer(address,uint256)")
SELL = Function("sell(uint256)")
ERRORS = error_table(["SoldOut(uint256 maxSupply, uint256 requested)"])
WALLET = Account.from_key(b"\x21" * 32)
ALICE = Address.parse(WALLET.address)


async def mined(chain: RpcPool, tx_hash: bytes) -> Receipt:
    async with asyncio.timeout(10):
        while (receipt := await chain.find_receipt(tx_hash)) is None:
            await asyncio.sleep(0.01)
        return receipt


async def send(chain: RpcPool, to: Address | None, data: bytes) -> bytes:
    """Signs as a wallet does, EIP-1559, and publishes."""
    history = await chain.fee_history(1)
    fields = {
        "type": 2,
        "chainId": 31337,
        "nonce": await chain.transaction_count(ALICE, "pending"),
        "data": data,
        "value": 0,
        "gas": 2_000_000,
        "maxFeePerGas": 2 * history.base_fees[-1] + 10**9,
        "maxPriorityFeePerGas": 10**9,
    }
    signed = WALLET.sign_transaction(fields | ({"to": to.checksum} if to else {}))
    return await chain.send_raw(bytes(signed.raw_transaction))


@pytest.fixture(scope="module", autouse=True)
async def funds(chain: RpcPool) -> None:
    await chain.raw("anvil_setBalance", ALICE.text, hex(10**21))


@pytest.fixture(scope="module")
async def emitter(chain: RpcPool) -> Address:
    receipt = await mined(chain, await send(chain, None, creation_code()["Emitter"]))
    assert receipt.contract_address is not None
    return receipt.contract_address


async def test_chain_tells_its_id_and_its_height(chain: RpcPool) -> None:
    assert await chain.chain_id() == ChainId(31337)
    before = await chain.block_number()
    await chain.raw("evm_mine")
    assert await chain.block_number() == before + 1


async def test_block_is_found_by_number_hash_and_tag(chain: RpcPool) -> None:
    await chain.raw("evm_mine")
    number = await chain.block_number()

    by_number = await chain.find_header(number)
    parent = await chain.find_header(number - 1)

    assert by_number is not None
    assert parent is not None
    assert (by_number.number, len(by_number.hash), len(by_number.logs_bloom)) == (number, 32, 256)
    assert by_number.parent_hash == parent.hash
    assert by_number.base_fee is not None
    assert by_number.timestamp > 1_700_000_000
    assert await chain.find_header(by_number.hash) == by_number
    assert await chain.find_header("latest") == by_number
    assert await chain.find_header(number + 1000) is None
    assert await chain.find_header(b"\x01" * 32) is None
    assert await chain.headers([number, number - 1, number + 1000]) == [by_number, parent, None]


async def test_transaction_goes_from_wallet_to_receipt_to_facts(chain: RpcPool, emitter: Address) -> None:
    calldata = TRANSFER.encode(BOB, 2**255)
    count = await chain.transaction_count(ALICE)

    tx_hash = await send(chain, emitter, calldata)
    receipt = await mined(chain, tx_hash)
    transaction = await chain.find_transaction(tx_hash)

    assert await chain.transaction_count(ALICE) == count + 1
    assert receipt.succeeded
    assert (receipt.tx_hash, receipt.sender, receipt.to, receipt.contract_address) == (tx_hash, ALICE, emitter, None)
    (fact,) = decode(receipt.logs)
    assert isinstance(fact, TransferFact)
    assert (fact.from_, fact.to, fact.token_id, fact.amount) == (ALICE, BOB, 2**255, 1)
    assert transaction is not None
    assert transaction.block_hash == receipt.block_hash == fact.block.hash
    expected = ExpectedCall(ChainId(31337), ALICE, emitter, calldata, Wei(0))
    assert differences(expected, transaction) == ()
    block = await chain.find_block(receipt.block_number)
    assert block is not None
    assert block.transactions == (transaction,)
    assert await chain.block_receipts(receipt.block_number) == [receipt]
    assert await chain.block_receipts(receipt.block_hash) == [receipt]
    assert await chain.receipts([tx_hash, b"\x01" * 32]) == [receipt, None]


async def test_sending_the_same_bytes_twice_is_one_transaction(chain: RpcPool, emitter: Address) -> None:
    await chain.raw("evm_setAutomine", False)
    try:
        history = await chain.fee_history(1)
        fields = UnsignedTransaction(
            ChainId(31337), ALICE, emitter, TRANSFER.encode(BOB, 1), Wei(0), 100_000,
            Wei(2 * history.base_fees[-1] + 10**9), Wei(10**9),
        ).for_wallet()  # fmt: skip
        sender = fields.pop("from")
        assert sender == WALLET.address
        signed = WALLET.sign_transaction(fields | {"nonce": await chain.transaction_count(ALICE)})
        raw = bytes(signed.raw_transaction)

        assert await chain.send_raw(raw) == await chain.send_raw(raw) == keccak256(raw)
        pending = await chain.find_transaction(keccak256(raw))
        assert pending is not None
        assert (pending.block_number, pending.block_hash, pending.index) == (None, None, None)
        assert await chain.find_receipt(keccak256(raw)) is None
    finally:
        await chain.raw("evm_setAutomine", True)
        await chain.raw("evm_mine")
    assert (await mined(chain, keccak256(raw))).succeeded


async def test_logs_are_filtered_by_range_address_topic_and_block(chain: RpcPool, emitter: Address) -> None:
    first = await mined(chain, await send(chain, emitter, TRANSFER.encode(BOB, 101)))
    second = await mined(chain, await send(chain, emitter, TRANSFER.encode(BOB, 102)))
    span = (first.block_number, second.block_number)
    topic_102 = "0x" + f"{102:064x}"

    assert await chain.logs(*span) == [*first.logs, *second.logs]
    assert await chain.logs(*span, addresses=[emitter, BOB], topics=[[topics.TRANSFER, topics.URI]]) == [
        *first.logs,
        *second.logs,
    ]
    assert await chain.logs(*span, topics=[topics.TRANSFER, None, None, topic_102]) == list(second.logs)
    assert await chain.logs(*span, addresses=[BOB]) == []
    assert await chain.logs_by_hash(second.block_hash) == list(second.logs)
    assert all(log.block_timestamp is not None for log in first.logs)


async def test_state_is_read_at_a_block(chain: RpcPool, emitter: Address) -> None:
    height = await chain.block_number()
    before = await chain.find_header(height)
    assert before is not None
    (rich, *_) = await chain.raw("eth_accounts")
    tx_hash = await chain.raw("eth_sendTransaction", {"from": rich, "to": BOB.text, "value": hex(77)})
    await mined(chain, bytes.fromhex(tx_hash[2:]))

    assert await chain.balance(BOB) == 77
    assert await chain.balance(BOB, height) == 0
    assert await chain.balance(BOB, before.hash) == 0
    assert len(await chain.code(emitter)) > 100
    assert await chain.code(BOB) == b""


async def test_revert_is_told_with_its_custom_error(chain: RpcPool, emitter: Address) -> None:
    with pytest.raises(Reverted) as called:
        await chain.call(emitter, SELL.encode(3))
    with pytest.raises(Reverted) as estimated:
        await chain.estimate_gas(emitter, SELL.encode(3), sender=ALICE)
    with pytest.raises(Reverted) as complained:
        await chain.call(emitter, Function("complain()").encode())
    with pytest.raises(Reverted) as divided:
        await chain.call(emitter, Function("divide(uint256)").encode(0))

    assert decode_error(called.value.returned, ERRORS) == "SoldOut(maxSupply=10, requested=3)"
    assert decode_error(estimated.value.returned, ERRORS) == "SoldOut(maxSupply=10, requested=3)"
    assert decode_error(complained.value.returned, ERRORS) == "not for sale"
    assert decode_error(divided.value.returned, ERRORS) == "Panic(0x12: division by zero)"


async def test_many_calls_answer_in_order_with_reverts_in_their_places(chain: RpcPool, emitter: Address) -> None:
    divide = Function("divide(uint256)", returns="(uint256)")

    whole, refused, zero = await chain.call_many([(emitter, divide.encode(by)) for by in (1, 0, 2)])

    assert not isinstance(whole, RpcError)
    assert not isinstance(zero, RpcError)
    assert (divide.decode_result(whole), divide.decode_result(zero)) == ((1,), (0,))
    assert isinstance(refused, Reverted)


async def test_fees_and_gas_are_numbers_a_wallet_can_use(chain: RpcPool, emitter: Address) -> None:
    history = await chain.fee_history(2, percentiles=[25, 75])

    assert len(history.base_fees) == len(history.rewards) + 1
    assert all(len(rewards) == 2 for rewards in history.rewards)
    assert await chain.gas_price() > 0
    assert await chain.max_priority_fee() >= 0
    assert 21_000 < await chain.estimate_gas(emitter, TRANSFER.encode(BOB, 1), sender=ALICE) < 100_000


async def test_transaction_with_a_used_nonce_is_refused_for_good(chain: RpcPool) -> None:
    signed = WALLET.sign_transaction(
        {"type": 2, "chainId": 31337, "nonce": 0, "to": BOB.checksum, "value": 0, "gas": 21_000,
         "maxFeePerGas": 10**11, "maxPriorityFeePerGas": 0}
    )  # fmt: skip
    if await chain.transaction_count(ALICE) == 0:
        await mined(chain, await chain.send_raw(bytes(signed.raw_transaction)))

    with pytest.raises(RpcError) as refused:
        await chain.send_raw(bytes(signed.raw_transaction)[:-1] + b"\0")

    assert not refused.value.retryable


async def test_pool_goes_on_with_a_second_node_when_the_first_dies(anvil: Endpoint) -> None:
    dead = Endpoint("http://127.0.0.1:9", priority=0)
    async with RpcPool(ChainId(31337), [dead, Endpoint(anvil.url, priority=1)]) as pool:
        assert await pool.block_number() >= 0
