"""A wrong request never gets a 500, says what is wrong, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from mercato.kit.settings import DATABASES
from mercato.story import documents
from mercato.story.play import Story
from tests.marketplace import Marketplace

CHAIN = "eip155:31337"
HUGE = "9" * 400
ACCOUNT = "0x" + "11" * 20
WRONG_CHECKSUM = "0x5AaEb6053F3E94C9b9A09f33669435E7Ef1BeAed"
AUDIT = {"login_events", "auth_nonces", "processed_events", "indexer_checkpoints", "recent_blocks", "sync_state"}
"""Tables that record refusals on purpose, or follow the chain's head all by themselves."""


def message(story: Story, **changes: str) -> str:
    """A SIWE message with some lines changed."""
    lines = {
        "domain": story.api.url.removeprefix("http://"),
        "address": story.wallet.address.checksum,
        "uri": story.api.url,
        "version": "1",
        "chain": "31337",
        "nonce": "abcdefgh1234",
        "issued": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **changes,
    }
    return (
        f"{lines['domain']} wants you to sign in with your Ethereum account:\n{lines['address']}\n\n\n"
        f"URI: {lines['uri']}\nVersion: {lines['version']}\nChain ID: {lines['chain']}\nNonce: {lines['nonce']}\n"
        f"Issued At: {lines['issued']}"
    )


def sign_in(story: Story, text: str, signature: str | None = None) -> dict[str, Any]:
    return {"message": text, "signature": signature or story.wallet.sign_message(text)}


def collection(**changes: object) -> dict[str, Any]:
    base = {"chainId": CHAIN, "standard": "ERC721", "name": "Bad", "symbol": "BAD", "baseUri": "ipfs://bafy"}
    return {"input": {**base, **changes}, "key": "bad"}


def token(token_id: str) -> dict[str, Any]:
    return {"chain": CHAIN, "contract": ACCOUNT, "token": token_id}


def mint(**changes: object) -> dict[str, Any]:
    fields = {"chainId": CHAIN, "contract": ACCOUNT, "quantity": 1, **changes}
    return {"input": {k: v for k, v in fields.items() if v is not None}, "key": "bad"}


Case = tuple[str, str, Callable[[Story], dict[str, Any]], str]
"""(name, document, variables, reason)"""

SIWE: list[Case] = [
    ("empty", documents.SIGN_IN, lambda s: sign_in(s, ""), "SIWE_MALFORMED"),
    ("garbage", documents.SIGN_IN, lambda s: sign_in(s, "hello\n\n\nthere"), "SIWE_MALFORMED"),
    ("1 MB", documents.SIGN_IN, lambda s: sign_in(s, "a" * 1_000_000), "SIWE_MALFORMED"),
    ("other domain", documents.SIGN_IN, lambda s: sign_in(s, message(s, domain="evil.example")), "SIWE_DOMAIN"),
    ("other origin", documents.SIGN_IN, lambda s: sign_in(s, message(s, uri="https://evil.example")), "SIWE_URI"),
    ("unknown chain", documents.SIGN_IN, lambda s: sign_in(s, message(s, chain="5")), "SIWE_CHAIN_UNKNOWN"),
    ("version 2", documents.SIGN_IN, lambda s: sign_in(s, message(s, version="2")), "SIWE_"),
    ("made-up nonce", documents.SIGN_IN, lambda s: sign_in(s, message(s)), "NONCE_UNKNOWN"),
    ("signature not hex", documents.SIGN_IN, lambda s: sign_in(s, message(s), "0xzz"), "INVALID_"),
    ("signature empty", documents.SIGN_IN, lambda s: sign_in(s, message(s), "0x"), ""),
]
NONCE: list[Case] = [
    ("bad address", documents.REQUEST_NONCE, lambda s: {"address": "0x12", "chain": CHAIN}, "INVALID_ADDRESS"),
    ("bad checksum", documents.REQUEST_NONCE, lambda s: {"address": WRONG_CHECKSUM, "chain": CHAIN}, "INVALID_ADDRESS"),
    ("chain as number", documents.REQUEST_NONCE, lambda s: {"address": ACCOUNT, "chain": "1"}, "INVALID_CHAIN_ID"),
    ("unknown chain", documents.REQUEST_NONCE, lambda s: {"address": ACCOUNT, "chain": "eip155:5"}, "CHAIN_UNKNOWN"),
]
PREPARE: list[Case] = [
    ("unknown chain", documents.PREPARE_COLLECTION, lambda s: collection(chainId="eip155:5"), "CHAIN_UNKNOWN"),
    ("empty name", documents.PREPARE_COLLECTION, lambda s: collection(name=""), "INVALID_NAME"),
    ("NUL in the name", documents.PREPARE_COLLECTION, lambda s: collection(name="a\0b"), "INVALID_TEXT"),
    ("royalty over 100 %", documents.PREPARE_COLLECTION, lambda s: collection(royaltyBps=10001), "INVALID_ROYALTY"),
    ("negative royalty", documents.PREPARE_COLLECTION, lambda s: collection(royaltyBps=-1), "INVALID_"),
    ("giant price", documents.PREPARE_COLLECTION, lambda s: collection(mintConfig={"price": HUGE}), "INVALID_UINT256"),
    (
        "price as float",
        documents.PREPARE_COLLECTION,
        lambda s: collection(mintConfig={"price": "1.5"}),
        "INVALID_UINT256",
    ),
    ("foreign wallet", documents.PREPARE_COLLECTION, lambda s: collection(wallet=ACCOUNT), "WALLET_NOT_LINKED"),
    ("long key", documents.PREPARE_COLLECTION, lambda s: collection() | {"key": "k" * 129}, "INVALID_IDEMPOTENCY_KEY"),
    ("empty key", documents.PREPARE_COLLECTION, lambda s: collection() | {"key": ""}, "INVALID_IDEMPOTENCY_KEY"),
    ("unknown collection", documents.PREPARE_MINT_721, lambda s: mint(), "UNKNOWN_COLLECTION"),
    ("quantity 0", documents.PREPARE_MINT_721, lambda s: mint(quantity=0), "INVALID_QUANTITY"),
    ("quantity over 32 bits", documents.PREPARE_MINT_721, lambda s: mint(quantity=2**40), ""),
    ("giant token id", documents.PREPARE_MINT_1155, lambda s: mint(quantity=None, tokenId=HUGE), "INVALID_UINT256"),
]
READ: list[Case] = [
    ("intent: not an id", documents.INTENT, lambda s: {"id": "nonsense"}, "INVALID_ID"),
    ("intent: giant id", documents.INTENT, lambda s: {"id": "x" * 100_000}, "INVALID_ID"),
    ("track: bad hash", documents.TRACK_MINT, lambda s: {"id": "nonsense", "hash": "0x12"}, "INVALID_"),
    ("token: giant id", documents.TOKEN, lambda s: token(HUGE), "INVALID_UINT256"),
    ("forged cursor", 'query { collections(after: "AAAA") { nodes { id } } }', lambda s: {}, "INVALID_CURSOR"),
    ("first 1000", "query { collections(first: 1000) { nodes { id } } }", lambda s: {}, ""),
    ("first -1", "query { collections(first: -1) { nodes { id } } }", lambda s: {}, ""),
    ("unknown field", "query { nothing }", lambda s: {}, "GRAPHQL_VALIDATION_FAILED"),
    ("syntax error", "query {", lambda s: {}, "GRAPHQL_PARSE_FAILED"),
    ("no operation", "fragment F on Query { chains { id } }", lambda s: {}, ""),
    ("document: a list", documents.CREATE_METADATA, lambda s: {"document": [1]}, "METADATA_NOT_OBJECT"),
    ("document: no name", documents.CREATE_METADATA, lambda s: {"document": {}}, "METADATA_INVALID"),
]
CASES = [*SIWE, *NONCE, *PREPARE, *READ]


@pytest.fixture(scope="module")
async def story(market: Marketplace) -> Story:
    return await market.signed_in_story()


async def _rows(market: Marketplace) -> dict[str, int]:
    """Rows of every table of every database."""
    counts: dict[str, int] = {}
    for database in DATABASES:
        connection = await asyncpg.connect(market.stack.settings.database_url(database))
        try:
            tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for table in {t["tablename"] for t in tables} - AUDIT:
                counts[f"{database}.{table}"] = await connection.fetchval(f'SELECT count(*) FROM "{table}"')
        finally:
            await connection.close()
    return counts


@pytest.mark.parametrize(("name", "query", "variables", "reason"), CASES, ids=[c[0] for c in CASES])
async def test_a_wrong_request_is_refused_with_a_reason_and_changes_nothing(
    market: Marketplace,
    story: Story,
    name: str,
    query: str,
    variables: Callable[[Story], dict[str, Any]],
    reason: str,
) -> None:
    before = await _rows(market)
    headers = {"Authorization": f"Bearer {story.api.token}"}
    body = {"query": query, "variables": variables(story)}
    async with market.session.post(f"{market.url}/graphql", json=body, headers=headers) as response:
        status, answer = response.status, await response.json(content_type=None)
    error = answer["errors"][0]
    print(f"| {name} | {status} | {error['extensions'].get('reason')} | {error['message'][:90]} |")
    assert status < 500, name
    assert error["extensions"]["reason"], error
    assert reason in error["extensions"]["reason"], error
    assert error["extensions"]["code"] != "INTERNAL"
    assert await _rows(market) == before, name


@pytest.mark.parametrize(
    ("name", "body", "content_type", "statuses"),
    [
        ("not JSON", b"{", "application/json", {400}),
        ("not an object", b"7", "application/json", {400}),
        ("no query", b"{}", "application/json", {400}),
        ("query is a number", b'{"query": 7}', "application/json", {400}),
        ("variables is a list", b'{"query": "{chains{id}}", "variables": []}', "application/json", {400}),
        ("invalid UTF-8", b'{"query": "\xff"}', "application/json", {400}),
        ("other type", b"<x/>", "text/xml", {400, 415}),
        ("form without preflight", b"query={chains{id}}", "application/x-www-form-urlencoded", {400, 415}),
        ("empty multipart", b"", "multipart/form-data; boundary=x", {400}),
        ("deep nesting", b'{"query": "' + b"{a" * 5000 + b'"}', "application/json", {400, 413}),
        ("huge body", b'{"query": "' + b"x" * 40_000_000 + b'"}', "application/json", {400, 413}),
    ],
)
async def test_a_malformed_body_is_a_client_error(
    market: Marketplace, name: str, body: bytes, content_type: str, statuses: set[int]
) -> None:
    async with market.session.post(
        f"{market.url}/graphql", data=body, headers={"Content-Type": content_type}
    ) as response:
        text = await response.text()
    print(f"| {name} | {response.status} | {text[:120]} |")
    assert response.status in statuses, text
    assert json.loads(text)["errors"][0]["message"]


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "http://127.0.0.1:1/", "http://169.254.169.254/", "data:,x", ""])
async def test_asking_for_metadata_fetches_nothing_that_is_not_stored(market: Marketplace, uri: str) -> None:
    body = {"query": "query ($uri: String!) { metadata(uri: $uri) { json } }", "variables": {"uri": uri}}
    async with market.session.post(f"{market.url}/graphql", json=body) as response:
        answer = await response.json(content_type=None)
    assert answer.get("data", {"metadata": None}) == {"metadata": None}
    assert "INTERNAL" not in str(answer.get("errors", ""))


async def test_a_mutation_by_get_is_refused(market: Marketplace) -> None:
    params = {"query": "mutation { signOut { revoked } }"}
    async with market.session.get(f"{market.url}/graphql", params=params) as response:
        assert response.status == 405, await response.text()


async def test_an_oversized_upload_is_refused(market: Marketplace, story: Story) -> None:
    from mercato.story.api import ApiError

    limit = market.stack.settings.upload_limit
    with pytest.raises(ApiError) as caught:
        await story.api.upload(documents.UPLOAD, b"\x89PNG\r\n\x1a\n" + b"0" * limit, "big.png", "image/png")
    assert caught.value.reason in {"UPLOAD_TOO_LARGE", "BODY_TOO_LARGE"}


async def test_writing_needs_a_session(market: Marketplace) -> None:
    for query, variables in (
        (documents.PREPARE_COLLECTION, collection()),
        (documents.CREATE_METADATA, {"document": {}}),
    ):
        body = {"query": query, "variables": variables}
        async with market.session.post(f"{market.url}/graphql", json=body) as response:
            answer = await response.json(content_type=None)
        assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
