"""What schemathesis must know of this API: values for its scalars, and what no answer may ever be.

Loaded by schemathesis itself (SCHEMATHESIS_HOOKS). Most values of a scalar name something that exists, so that requests
get past the gateway into the services; the others are what a careless or hostile client might send.
"""

from __future__ import annotations

import os
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes

CHAINS = ["eip155:31337", "eip155:31338", "eip155:1", "eip155:0", "eip155:-1", "solana:1", "eip155:" + "9" * 30, ""]
KNOWN = os.environ["MERCATO_FUZZ_ADDRESSES"].split(",")
ADDRESSES = [
    "0x" + "00" * 20,
    "0x" + "11" * 20,
    "0x5AaEb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0x",
    "0x12",
    "vitalik.eth",
]
TIMES = ["2026-11-22T09:30:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59+14:00", "2026-02-30T00:00:00Z", "now"]
NUMBERS = ["0", "1", str(2**256 - 1), str(2**256), "-1", "1e3", "0x1", "٣", "9" * 400]

_hex = st.binary(max_size=80).map(lambda b: "0x" + b.hex())
_odd = st.one_of(st.text(max_size=40), st.just("\u202e\ufeff"), st.just("' OR 1=1 --"), st.just("a" * 5000))


def text(known: st.SearchStrategy[str], *others: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Mostly a value that names something: one wrong argument is enough to keep a request from every service."""
    wrong = (*(k.map(nodes.String) for k in others), _odd.map(nodes.String), st.integers().map(nodes.Int))
    return st.one_of(*(known.map(nodes.String) for _ in range(16)), *wrong)


def hexadecimal(size: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=size, max_size=size).map(lambda b: "0x" + b.hex())


schemathesis.graphql.scalar("ChainId", text(st.sampled_from(CHAINS[:1]), st.sampled_from(CHAINS)))
schemathesis.graphql.scalar("Address", text(st.sampled_from(KNOWN), hexadecimal(20), st.sampled_from(ADDRESSES)))
schemathesis.graphql.scalar("Hash", text(hexadecimal(32), _hex))
schemathesis.graphql.scalar("Bytes", text(hexadecimal(65), _hex))
schemathesis.graphql.scalar(
    "Uint256", text(st.sampled_from("123"), st.integers(0, 2**256).map(str), st.sampled_from(NUMBERS))
)
schemathesis.graphql.scalar("DateTime", text(st.datetimes().map(lambda t: t.isoformat() + "Z"), st.sampled_from(TIMES)))
schemathesis.graphql.scalar(
    "SafeInt", st.one_of(st.integers(0, 100), st.integers(0, 2**53), st.integers()).map(nodes.Int)
)
schemathesis.graphql.scalar("Upload", st.just(nodes.Null))
schemathesis.graphql.scalar("JSON", text(st.just('{"name": "x"}')))


@schemathesis.check
def no_fault_of_ours(ctx: Any, response: Any, case: Any) -> None:
    """No 5xx, an answer in JSON with `data` or `errors`, and no error INTERNAL or without its promised parts."""
    assert response.status_code < 500, f"status {response.status_code}: {response.text[:500]}"
    body = response.json()
    assert "data" in body or body["errors"], body
    for error in body.get("errors", ()):
        assert set(error["extensions"]) == {"code", "reason", "details", "requestId"}, error
        assert error["extensions"]["code"] != "INTERNAL", error
