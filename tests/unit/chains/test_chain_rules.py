"""What the registry accepts of an operator, and how long it answers from memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import ZERO_ADDRESS, Address, ChainId, Wei
from mercato.services.chains.model.chains import (
    CAREFUL_POLICY,
    Chain,
    ChainSpec,
    Contract,
    Endpoint,
    GasPolicy,
    IndexScope,
    check_contract,
    check_endpoint,
    check_gas_policy,
    check_spec,
    well_spelled,
    without_credentials,
)
from mercato.services.chains.model.edits import Edit, Instruction
from mercato.services.chains.usecases import FRESH, ReadChains

SPEC = ChainSpec(ChainId(5), "Five", "ETH", 18, "https://explorer.example", True, IndexScope.FOLLOWED, 0)
ENDPOINT = Endpoint("https://node.example/v1/key", 0, 1, {"Authorization": "Bearer x"})
CONTRACT = Contract("factory", Address(b"\x01" * 20), 0)


def reason(check: object, value: object) -> str:
    with pytest.raises(InvalidArgument) as caught:
        check(value)  # type: ignore[operator]
    return caught.value.reason


def test_sensible_input_is_accepted() -> None:
    check_spec(SPEC)
    check_spec(replace(SPEC, explorer_url=""))
    check_spec(replace(SPEC, explorer_url="https://explorer.example/#/five"))
    check_endpoint(ENDPOINT)
    check_endpoint(replace(ENDPOINT, ws_url="wss://node.example/v3/key"))
    check_contract(CONTRACT)
    check_gas_policy(CAREFUL_POLICY)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (replace(SPEC, name=""), "INVALID_NAME"),
        (replace(SPEC, name="a\nb"), "INVALID_NAME"),
        (replace(SPEC, name="x" * 65), "INVALID_NAME"),
        (replace(SPEC, currency_symbol=""), "INVALID_CURRENCY"),
        (replace(SPEC, currency_decimals=37), "INVALID_CURRENCY"),
        (replace(SPEC, explorer_url="javascript:alert(1)"), "INVALID_EXPLORER_URL"),
        (replace(SPEC, start_block=2**63), "INVALID_START_BLOCK"),
    ],
)
def test_a_bad_chain_is_refused_with_its_reason(spec: ChainSpec, expected: str) -> None:
    assert reason(check_spec, spec) == expected


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (replace(ENDPOINT, url="ftp://node.example"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, url="http://"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, url="http://node.example:99999"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, url="http://[::1"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, url="http://a b"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, url="http://a..b:8545"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, url="http://.com"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, url=f"http://{'a' * 64}.com"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, url=f"http://{'a.' * 127}com"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, url="http://-a.com"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, url="http://%41.com"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, url="http://127.1"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, url="http://2130706433"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, url="http://0x7f.0x1"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, url="https://node.example/#a"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, url="https://node.example#"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, ws_url="wss://a..b"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, ws_url="wss://node.example/#a"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, url="http://" + "a" * 2000), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, ws_url="https://node.example"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, ws_url="wss://user:word@node.example"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, ws_url="http://node.example"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, ws_url="file:///etc/passwd"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, ws_url="wss://"), "INVALID_ENDPOINT_URL"),
        (replace(ENDPOINT, weight=0), "INVALID_ENDPOINT"),
        (replace(ENDPOINT, priority=1001), "INVALID_ENDPOINT"),
        (replace(ENDPOINT, headers={"X": "a\r\nY: b"}), "INVALID_HEADER"),
        (replace(ENDPOINT, headers={"X Y": "a"}), "INVALID_HEADER"),
        (replace(ENDPOINT, headers={f"X{i}": "a" for i in range(17)}), "INVALID_HEADER"),
        (replace(ENDPOINT, headers={"X-Key": "a", "x-key": "b"}), "INVALID_HEADER"),
        (replace(ENDPOINT, headers={"Host": "inner.example"}), "INVALID_HEADER"),
        (replace(ENDPOINT, headers={"transfer-encoding": "chunked"}), "INVALID_HEADER"),
    ],
)
def test_a_bad_endpoint_is_refused_with_its_reason(endpoint: Endpoint, expected: str) -> None:
    assert reason(check_endpoint, endpoint) == expected


@pytest.mark.parametrize(
    ("url", "spelling"),
    [
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("http://127.0.0.1:8545/", "http://127.0.0.1:8545"),
        ("http://127.0.0.1:8545?", "http://127.0.0.1:8545"),
        ("http://127.0.0.1:8545/./a/..", "http://127.0.0.1:8545"),
        ("http://localhost:8545", "http://127.0.0.1:8545"),
        ("http://LocalHost.:8545/", "http://127.0.0.1:8545"),
        ("http://[::ffff:127.0.0.1]:8545", "http://127.0.0.1:8545"),
        ("http://[0:0::1]:8545/", "http://[::1]:8545"),
        ("HTTPS://Node.Example.:443/v3/Key", "https://node.example/v3/Key"),
        ("http://node.example:80/%7Ekey", "http://node.example/~key"),
        ("https://node.example/rpc/?key=a%2Bb", "https://node.example/rpc/?key=a%2Bb"),
        ("https://my_node-1:8545//x", "https://my_node-1:8545//x"),
    ],
)
def test_a_node_has_one_spelling(url: str, spelling: str) -> None:
    check_endpoint(replace(ENDPOINT, url=url))
    once = well_spelled(replace(ENDPOINT, url=url, ws_url=f"ws{url[4:]}"))
    assert (once.url, once.ws_url) == (spelling, f"ws{spelling[4:]}")
    assert well_spelled(once) == once
    assert well_spelled(ENDPOINT) == ENDPOINT


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://node.example", "https://node.example"),
        ("http://10.0.0.7:8545/rpc", "http://10.0.0.7:8545/rpc"),
        ("https://node.example/v3/0123456789abcdef0123456789abcdef", "https://node.example/v3/***"),
        ("https://node.example/rpc?apikey=s3cret&net=1", "https://node.example/rpc?apikey=***&net=***"),
        ("https://node.example/?0123456789abcdef", "https://node.example/?***"),
        ("https://user:word@node.example/x#frag", "https://node.example/x"),
    ],
)
def test_what_may_be_a_key_in_a_url_is_not_shown(url: str, shown: str) -> None:
    endpoint = replace(ENDPOINT, url=url)
    assert endpoint.shown_url == shown
    assert endpoint.id not in url
    assert len(endpoint.id) == 24


def test_what_may_be_a_key_in_a_socket_url_is_not_shown() -> None:
    assert ENDPOINT.shown_ws_url == ""
    assert replace(ENDPOINT, ws_url="wss://node.example/0123456789abcdef").shown_ws_url == "wss://node.example/***"


def test_a_password_in_a_url_becomes_the_header_it_means() -> None:
    given = replace(ENDPOINT, url="https://us%40er:w%3Aord@node.example:8545/v1", headers={"X-Key": "k"})
    assert without_credentials(given) == Endpoint(
        "https://node.example:8545/v1", 0, 1, {"X-Key": "k", "Authorization": "Basic dXNAZXI6dzpvcmQ="}
    )
    assert without_credentials(ENDPOINT) is ENDPOINT
    both = replace(ENDPOINT, url="https://user:word@node.example")
    assert reason(without_credentials, both) == "ENDPOINT_PASSWORD_TWICE"


def test_a_bad_contract_is_refused_with_its_reason() -> None:
    assert reason(check_contract, replace(CONTRACT, kind="wallet")) == "UNKNOWN_CONTRACT_KIND"
    assert reason(check_contract, replace(CONTRACT, address=ZERO_ADDRESS)) == "INVALID_ADDRESS"


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        (replace(CAREFUL_POLICY, base_fee_multiplier_percent=99), "base_fee_multiplier_percent"),
        (replace(CAREFUL_POLICY, max_fee_cap=Wei(0)), "max_fee_cap"),
        (replace(CAREFUL_POLICY, max_fee_cap=Wei(2**200)), "max_fee_cap"),
        (replace(CAREFUL_POLICY, max_priority_fee=Wei(CAREFUL_POLICY.max_fee_cap + 1)), "max_priority_fee"),
        (replace(CAREFUL_POLICY, gas_limit_margin_percent=501), "gas_limit_margin_percent"),
        (replace(CAREFUL_POLICY, confirmations=0), "confirmations"),
        (replace(CAREFUL_POLICY, finality_depth=1), "finality_depth"),
    ],
)
def test_a_bad_gas_policy_is_refused_with_the_field(policy: GasPolicy, field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check_gas_policy(policy)
    assert (caught.value.reason, caught.value.details["field"]) == ("INVALID_GAS_POLICY", field)


class _CountingChains:
    """A store that counts reads; its one chain has as version the number of the read."""

    def __init__(self) -> None:
        self.reads = 0

    async def list(self) -> list[Chain]:
        self.reads += 1
        return [Chain(SPEC, self.reads, (), (), CAREFUL_POLICY)]

    async def write(self, edit: Edit, instruction: Instruction) -> None: ...


async def test_reads_come_from_memory_until_they_are_old_or_written_over() -> None:
    now = 100.0
    store = _CountingChains()
    reads = ReadChains(store, lambda: now)
    assert (await reads.get(ChainId(5))).version == 1
    assert (await reads.get(ChainId(5))).version == 1
    now += FRESH + 0.01
    assert (await reads.get(ChainId(5))).version == 2
    reads.forget()
    assert (await reads.get(ChainId(5))).version == 3
    assert store.reads == 3
