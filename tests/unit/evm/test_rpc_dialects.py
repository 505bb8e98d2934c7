"""What real nodes and providers answer is understood, provider by provider."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.evm.rpc.dialects import ALREADY_KNOWN, GENERAL_DIALECTS, LOG_DIALECTS, error_of
from mercato.evm.rpc.errors import BlockUnknown, NodeFault, NodeRateLimited, RangeTooLarge, Reverted, RpcError
from mercato.kit.errors import Category

ASKED = (1_000_000, 1_199_999)

RANGE_COMPLAINTS = [
    (
        "Alchemy",
        -32602,
        "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the "
        "response size, or you can request any block range with a cap of 10K logs in the response. Based on your "
        "parameters and the response size limit, this block range should work: [0xf4240, 0xf4628]",
        (1_000_000, 1_001_000),
    ),
    (
        "Alchemy, free tier",
        -32600,
        "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range. Based on your "
        "parameters, this block range should work: [0xf4240, 0xf4249]. Upgrade to PAYG for expanded block range.",
        (1_000_000, 1_000_009),
    ),
    (
        "Alchemy, timeout",
        -32000,
        "Query timeout exceeded. Consider reducing your block range. Based on your parameters and the response size "
        "limit, this block range should work: [0xf4240, 0xf4427]",
        (1_000_000, 1_000_487),
    ),
    (
        "Infura",
        -32005,
        "query returned more than 10000 results. Try with this block range [0xF4240, 0xF42A3].",
        (1_000_000, 1_000_099),
    ),
    (
        "Reth",
        -32602,
        "query exceeds max results 20000, retry with the range 1000000-1000509",
        (1_000_000, 1_000_509),
    ),
    ("QuickNode", -32614, "eth_getLogs is limited to a 10,000 range", (1_000_000, 1_009_999)),
    ("QuickNode, free", -32614, "eth_getLogs is limited to a 5 range", (1_000_000, 1_000_004)),
    ("1RPC", -32000, "eth_getLogs is limited to 0 - 10000 blocks range", (1_000_000, 1_009_999)),
    ("BlockPI", -32602, "eth_getLogs is limited to 1024 block range. Please check", (1_000_000, 1_001_023)),
    ("Aurora", -32000, "You can make eth_getLogs requests with up to a 2000 block range", (1_000_000, 1_001_999)),
    (
        "Avalanche",
        -32000,
        "requested too many blocks from 1000000 to 1199999, maximum is set to 2048",
        (1_000_000, 1_002_047),
    ),
    ("thirdweb", -32000, "Maximum allowed number of requested blocks is 3500", (1_000_000, 1_003_499)),
    ("Blast", -32000, "eth_getLogs exceeds the range allowed for your plan (200000 > 5000)", (1_000_000, 1_004_999)),
    ("Coinbase", -32602, "please limit the query to at most 1,000 blocks", (1_000_000, 1_000_999)),
    ("Cloudflare", -32047, "Invalid eth_getLogs request. 'fromBlock'-'toBlock' range too large. Max range: 800",
     (1_000_000, 1_000_799)),
    ("PublicNode", -32701, "exceed maximum block range: 50000", (1_000_000, 1_049_999)),
    ("Hyperliquid", -32603, "query exceeds max block range 1000", (1_000_000, 1_000_999)),
    ("Swell", -32000, "block range greater than 10000 max", (1_000_000, 1_009_999)),
    ("Somnia", -32000, "block range exceeds 1000", (1_000_000, 1_000_999)),
    ("Merkle", -32602, "eth_getLogs range is too large, max is 10k blocks", (1_000_000, 1_009_999)),
    ("Moonbeam", -32000, "block range is too wide (maximum 1024)", (1_000_000, 1_001_023)),
    ("Harmony", -32000, "query must be smaller than size 1024", (1_000_000, 1_001_023)),
    ("Cronos", -32000, "maximum [from, to] blocks distance: 2000", (1_000_000, 1_001_999)),
    ("dRPC", 35, "ranges over 10000 blocks are not supported on freetier", (1_000_000, 1_009_999)),
    ("Sei", -32000, "block range too large (200000), maximum allowed is 2000 blocks", (1_000_000, 1_001_999)),
    ("Ankr", -32600, "block range is too wide", None),
    ("Base", -32000, "block range too large", None),
    ("Optimism", -32020, "backend response too large", None),
    ("Chainstack", -32000, "Block range limit exceeded. See more details at the documentation", None),
    ("Geth", -32000, "query returned more than 20000 results", None),
    ("Arbitrum", -32000, "logs matched by query exceeds limit of 10000", None),
    ("1RPC, size", -32000, "response size should not greater than 10000000 bytes", None),
    ("Geth, timeout", -32002, "query timed out", None),
    ("BNB Smart Chain", -32005, "limit exceeded", None),
    ("a provider nobody has heard of", -32099, "zu viele Blöcke auf einmal", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "message", "suggested"), [row[1:] for row in RANGE_COMPLAINTS], ids=[row[0] for row in RANGE_COMPLAINTS]
)
def test_complaint_about_a_range_is_understood(code: int, message: str, suggested: tuple[int, int] | None) -> None:
    error = error_of("eth_getLogs", code, message, None, ASKED)

    assert isinstance(error, RangeTooLarge)
    assert error.suggested == suggested
    assert (error.code, error.message, error.reason) == (code, message, "RANGE_TOO_LARGE")
    assert not error.retryable


@pytest.mark.parametrize(
    "message",
    [
        "this block range should work: [0x0, 0x10]",  # begins elsewhere: only its length is taken
        "exceed maximum block range: 17",
    ],
)
def test_suggestion_begins_where_the_request_began(message: str) -> None:
    error = error_of("eth_getLogs", -32000, message, None, ASKED)

    assert isinstance(error, RangeTooLarge)
    assert error.suggested == (1_000_000, 1_000_016)


@pytest.mark.parametrize(
    "message",
    [
        "exceed maximum block range: 0",
        "exceed maximum block range: 200000",
        "this block range should work: [0xf4240, 0xf423f]",
        "this block range should work: [0x0, 0xffffffffffffffff]",
        "retry with the range 5-4",
    ],
)
def test_suggestion_that_would_not_help_is_no_suggestion(message: str) -> None:
    error = error_of("eth_getLogs", -32000, message, None, ASKED)

    assert isinstance(error, RangeTooLarge)
    assert error.suggested is None


def test_single_block_over_the_limit_has_no_suggestion() -> None:
    error = error_of("eth_getLogs", -32602, "query exceeds max results 20000, retry with the range 7-7", None, (7, 7))

    assert isinstance(error, RangeTooLarge)
    assert error.suggested is None


def test_unknown_complaint_about_a_single_block_is_final() -> None:
    assert type(error_of("eth_getLogs", -32099, "no", None, (7, 7))) is RpcError


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (429, "Your app has exceeded its compute units per second capacity", NodeRateLimited),
        (-32005, "daily request count exceeded, request rate limited", NodeRateLimited),
        (-32007, "50/second request limit reached - reduce calls per second", NodeRateLimited),
        (-32090, "Too many requests, reason: call rate limit exhausted", NodeRateLimited),
        (-32005, "limit exceeded", NodeRateLimited),
        (-32000, "header not found", BlockUnknown),
        (-32000, "unknown block", BlockUnknown),
        (-32001, "Block not found", BlockUnknown),
        (-32602, "block range extends beyond current head block", BlockUnknown),
        (-32602, "BlockOutOfRangeError: block height is 5 but requested was 9", BlockUnknown),
        (-32000, "missing trie node 1f (path )", BlockUnknown),
        (3, "execution reverted: nope", Reverted),
        (-32000, "execution reverted", Reverted),
        (-32015, "VM execution error.", Reverted),
        (-32000, "out of gas", Reverted),
        (-32603, "EVM error OutOfGas", Reverted),
        (3, "whatever it is called", Reverted),
        (-32603, "Internal error", NodeFault),
        (-32603, "something broke", NodeFault),
        (-32011, "no backend is currently healthy to serve traffic", NodeFault),
        (-32601, "the method eth_foo does not exist/is not available", RpcError),
        (-32602, "invalid argument 0: hex string has length 38, want 40", RpcError),
        (-32000, "nonce too low: next nonce 5, tx nonce 4", RpcError),
        (-32000, "insufficient funds for gas * price + value", RpcError),
    ],
)
def test_other_refusals_are_told_apart(code: int, message: str, kind: type[RpcError]) -> None:
    error = error_of("eth_call", code, message)

    assert type(error) is kind
    assert error.retryable == (error.category is Category.UNAVAILABLE)


@pytest.mark.parametrize(
    ("data", "returned"),
    [
        ("0x08c379a0", "08c379a0"),
        ("Reverted 0x08c379a0", "08c379a0"),
        ({"data": "0x4e487b71"}, "4e487b71"),
        ({"result": "0x4e487b71"}, "4e487b71"),
        (None, ""),
        ("0x", ""),
        ("no hex", ""),
        (7, ""),
    ],
)
def test_revert_data_is_found_where_nodes_put_it(data: object, returned: str) -> None:
    error = error_of("eth_call", 3, "execution reverted", data)

    assert isinstance(error, Reverted)
    assert error.returned.hex() == returned


@pytest.mark.parametrize(
    "message", ["already known", "transaction already imported", "AlreadyKnown", "known transaction: 0x12"]
)
def test_transaction_the_node_has_is_recognised(message: str) -> None:
    assert ALREADY_KNOWN.search(message)


@given(st.text(max_size=200), st.integers(-40_000, 1000), st.sampled_from([None, (5, 5), ASKED]))
def test_no_message_makes_reading_it_fail(message: str, code: int, blocks: tuple[int, int] | None) -> None:
    assert isinstance(error_of("eth_getLogs", code, message, None, blocks), RpcError)


@given(st.sampled_from(LOG_DIALECTS + GENERAL_DIALECTS), st.data())
def test_no_message_in_a_known_dialect_gives_a_range_outside_the_request(dialect: object, data: st.DataObject) -> None:
    message = data.draw(st.from_regex(dialect.pattern))  # type: ignore[attr-defined]

    error = error_of("eth_getLogs", -32000, message, None, ASKED)

    if isinstance(error, RangeTooLarge) and error.suggested is not None:
        first, last = error.suggested
        assert first == ASKED[0] <= last < ASKED[1]
