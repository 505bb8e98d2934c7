"""No request, however wrong, gets a 500, a stack trace, or a call to a service that would change something."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gateway_fakes import ALICE, CHAIN, CONTRACT
from gateway_parts import GRAPHQL_JSON, Gateway

HUGE = "9" * 400
DIGITS = "1" * 5000
"""More than Python turns into a number (`sys.get_int_max_str_digits`)."""
WHERE = f'chainId: "{CHAIN.caip2}", contract: "{CONTRACT.checksum}"'
WRONG_CHECKSUM = "0x5AaEb6053F3E94C9b9A09f33669435E7Ef1BeAed"
ONE_CHAIN = "query ($c: ChainId!) { chain(chainId: $c) { id } }"
DEEP = "{ collections { nodes " + "{ tokens { nodes { collection " * 6 + "{ id }" + " } } }" * 6 + " } }"
ALIASES = "{ " + " ".join(f"a{i}: chains {{ id }}" for i in range(31)) + " }"
COSTLY = "{ collections(first: 100) { nodes { tokens(first: 100) { nodes { id name uri } } } } }"
BOMB = (
    "query { ...A } "
    + " ".join(
        f"fragment {a} on Query {{ ...{b} ...{b} chains {{ id }} x{a}: chains {{ id }} }}"
        for a, b in zip("ABCDEFGHIJKLMNOP", "BCDEFGHIJKLMNOPQ", strict=True)
    )
    + " fragment Q on Query { chains { id } }"
)
CYCLE = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A chains { id } }"
CHAIN_OF_FRAGMENTS = (
    "{ ...F0 } "
    + " ".join(f"fragment F{i} on Query {{ ...F{i + 1} }}" for i in range(590))
    + " fragment F590 on Query { chains { id } }"
)
INTROSPECTION = "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }"

COLLECTION: dict[str, Any] = {"chainId": CHAIN.caip2, "standard": "ERC721", "name": "L", "symbol": "L"}
PREPARE = """mutation ($input: PrepareCreateCollectionInput!, $key: String!) {
  prepareCreateCollection(input: $input, idempotencyKey: $key) { created } }"""


def prepare(key: object = "k", **changes: object) -> tuple[str, dict[str, Any]]:
    return PREPARE, {"input": {**COLLECTION, **changes}, "key": key}


def terms(**config: object) -> tuple[str, dict[str, Any]]:
    return prepare(mintConfig=config)


def mint(**changes: object) -> tuple[str, dict[str, Any]]:
    query = """mutation ($i: PrepareMint721Input!) { prepareMint721(input: $i, idempotencyKey: "k") { created } }"""
    return query, {"i": {"chainId": CHAIN.caip2, "contract": CONTRACT.text, **changes}}


def metadata(document: object) -> tuple[str, dict[str, Any]]:
    return "mutation ($d: JSON!) { createMetadata(input: {document: $d}) { document { uri } } }", {"d": document}


def folder(documents: object, first: str = "1") -> tuple[str, dict[str, Any]]:
    query = """mutation ($d: [JSON!]!, $f: Uint256!) {
        createMetadataFolder(input: {documents: $d, firstTokenId: $f}) { uri } }"""
    return query, {"d": documents, "f": first}


def nested(levels: int) -> object:
    """A value inside of that many lists."""
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


def track(intent: str, tx_hash: str = "0x" + "00" * 32) -> tuple[str, dict[str, Any]]:
    return (
        "mutation ($i: ID!, $h: Hash!) { trackMintTx(input: {intentId: $i, txHash: $h}) { intent { id } } }",
        {"i": intent, "h": tx_hash},
    )


CASES: dict[str, tuple[tuple[str, dict[str, Any]], str]] = {
    "syntax error": (("{ chains {", {}), "GRAPHQL_PARSE_FAILED"),
    "unknown field": (("{ nothing }", {}), "GRAPHQL_VALIDATION_FAILED"),
    "unknown argument": (("{ chains(x: 1) { id } }", {}), "GRAPHQL_VALIDATION_FAILED"),
    "unknown type": (("query ($x: Nope) { chains { id } }", {}), "GRAPHQL_VALIDATION_FAILED"),
    "leaf with fields": (("{ chains }", {}), "GRAPHQL_VALIDATION_FAILED"),
    "only a fragment": (("fragment F on Query { chains { id } }", {}), "OPERATION_UNKNOWN"),
    "two operations": (("query A { chains { id } } query B { chains { id } }", {}), "OPERATION_AMBIGUOUS"),
    "fragment cycle": ((CYCLE, {}), "GRAPHQL_VALIDATION_FAILED"),
    "too deep": ((DEEP, {}), "QUERY_TOO_DEEP"),
    "too many aliases": ((ALIASES, {}), "TOO_MANY_ALIASES"),
    "too costly": ((COSTLY, {}), "QUERY_TOO_COSTLY"),
    "one field ever again": (("{ " + "__typename " * 3000 + "}", {}), "TOO_MANY_SELECTIONS"),
    "many ways to one field": (
        ("{ chains { " + "... on Chain { id currency { symbol } } " * 400 + "} }", {}), "TOO_MANY_SELECTIONS",
    ),
    "aliases in fragments": (
        ("{ ...F ...F ...F ...F } fragment F on Query { " + " ".join(f"a{i}: viewer {{ address }}" for i in range(8))
         + " }", {}), "TOO_MANY_ALIASES",
    ),
    "deep in fragments": (
        ("{ ...A } " + " ".join(
            f"fragment F{i} on Collection {{ tokens(first: 1) {{ nodes {{ collection {{ ...F{i + 1} }} }} }} }}"
            for i in range(5)
        ) + " fragment F5 on Collection { id } fragment A on Query { collections { nodes { ...F0 } } }", {}),
        "QUERY_TOO_DEEP",
    ),
    "costly in fragments": (
        ("{ collections(first: 100) { nodes { ...F } } } "
         "fragment F on Collection { tokens(first: 100) { nodes { id name uri } } }", {}), "QUERY_TOO_COSTLY",
    ),
    "costly by a variable": (
        ("query ($n: Int = 100) { collections(first: $n) { nodes { tokens(first: $n) { nodes { id name uri } } } } }",
         {"n": 100}), "QUERY_TOO_COSTLY",
    ),
    "costly by a default": (
        ("query ($n: Int = 100) { collections(first: $n) { nodes { tokens(first: $n) { nodes { id name uri } } } } }",
         {}), "QUERY_TOO_COSTLY",
    ),
    "many root fields": (("{ " + "chains { id } " * 250 + "}", {}), "QUERY_TOO_COSTLY"),
    "aliased introspection": (
        ("{ " + " ".join(f"a{i}: __schema {{ types {{ name }} }}" for i in range(31)) + " }", {}), "TOO_MANY_ALIASES",
    ),
    "fragment bomb": ((BOMB, {}), "TOO_MANY_ALIASES"),
    "a long chain of fragments": ((CHAIN_OF_FRAGMENTS, {}), "QUERY_TOO_DEEP"),
    "a long chain of unused fragments": (
        (CHAIN_OF_FRAGMENTS.replace("{ ...F0 }", "{ chains { id } }", 1), {}), "GRAPHQL_VALIDATION_FAILED",
    ),
    "deep introspection": ((INTROSPECTION, {}), "GRAPHQL_VALIDATION_FAILED"),
    "deeper than the parser": (("{a" * 3000, {}), "QUERY_TOO_LARGE"),
    "too many tokens": (("{ " + "chains { id } " * 5000 + "}", {}), "QUERY_TOO_LARGE"),
    "too long": (("{ chains { id } } #" + "x" * 200_000, {}), "QUERY_TOO_LARGE"),
    "many directives": (("{ chains " + "@skip(if: true) " * 50 + "{ id } }", {}), "GRAPHQL_VALIDATION_FAILED"),
    "subscription by POST": (("subscription { feed { __typename } }", {}), "WEBSOCKET_REQUIRED"),
    "chain as number": ((f'{{ collection(chainId: "1", contract: "{ALICE.text}") {{ id }} }}', {}), "INVALID_CHAIN_ID"),
    "chain as int": ((f'{{ collection(chainId: 1, contract: "{ALICE.text}") {{ id }} }}', {}), "INVALID_CHAIN_ID"),
    "giant chain": ((ONE_CHAIN, {"c": "eip155:" + HUGE}), "INVALID_CHAIN_ID"),
    "null chain": ((ONE_CHAIN, {"c": None}), "VARIABLES_INVALID"),
    "missing variable": ((ONE_CHAIN, {}), "VARIABLES_INVALID"),
    "chain as list": ((ONE_CHAIN, {"c": ["eip155:1"]}), "INVALID_CHAIN_ID"),
    "short address": (('{ collection(chainId: "eip155:1", contract: "0x12") { id } }', {}), "INVALID_ADDRESS"),
    "wrong checksum": (
        (f'{{ collection(chainId: "eip155:1", contract: "{WRONG_CHECKSUM}") {{ id }} }}', {}), "INVALID_ADDRESS",
    ),
    "address is true": (('{ collection(chainId: "eip155:1", contract: true) { id } }', {}), "INVALID_ADDRESS"),
    "giant token id": ((f'{{ token({WHERE}, tokenId: "{HUGE}") {{ id }} }}', {}), "INVALID_UINT256"),
    "2^256": ((f'{{ token({WHERE}, tokenId: "{2**256}") {{ id }} }}', {}), "INVALID_UINT256"),
    "negative token id": ((f'{{ token({WHERE}, tokenId: "-1") {{ id }} }}', {}), "INVALID_UINT256"),
    "token id as number": ((f"{{ token({WHERE}, tokenId: 1) {{ id }} }}", {}), "INVALID_UINT256"),
    "token id in digits of another script": ((f'{{ token({WHERE}, tokenId: "١") {{ id }} }}', {}), "INVALID_UINT256"),
    "first 0": (("{ collections(first: 0) { nodes { id } } }", {}), "INVALID_PAGE_SIZE"),
    "first -1": (("{ collections(first: -1) { nodes { id } } }", {}), "INVALID_PAGE_SIZE"),
    "first 101": (("{ collections(first: 101) { nodes { id } } }", {}), "INVALID_PAGE_SIZE"),
    "first 2^40": ((f"{{ collections(first: {2**40}) {{ nodes {{ id }} }} }}", {}), "GRAPHQL_VALIDATION_FAILED"),
    "first of 5000 digits": ((f"{{ tokens(first: {DIGITS}) {{ nodes {{ id }} }} }}", {}), "GRAPHQL_VALIDATION_FAILED"),
    "first of 5000 digits below zero": (
        (f"{{ tokens(first: -{DIGITS}) {{ nodes {{ id }} }} }}", {}), "GRAPHQL_VALIDATION_FAILED",
    ),
    "first of 5000 digits by a default": (
        (f"query ($n: Int = {DIGITS}) {{ tokens(first: $n) {{ nodes {{ id }} }} }}", {}), "GRAPHQL_VALIDATION_FAILED",
    ),
    "safe integer of 5000 digits": (
        (f"""mutation {{ importCollection(input: {{{WHERE}, fromBlock: {DIGITS}}}) {{ created }} }}""", {}),
        "INVALID_INTEGER",
    ),
    "empty cursor": (('{ collections(after: "") { nodes { id } } }', {}), "INVALID_CURSOR"),
    "giant cursor": (
        ("query ($a: String) { collections(after: $a) { nodes { id } } }", {"a": "x" * 9999}), "INVALID_CURSOR",
    ),
    "contract without chain": (
        (f'{{ tokens(filter: {{contract: "{ALICE.text}"}}) {{ nodes {{ id }} }} }}', {}), "FILTER_INCOMPLETE",
    ),
    "token without contract": (('{ transfers(filter: {tokenId: "1"}) { nodes { id } } }', {}), "FILTER_INCOMPLETE"),
    "traits without contract": (
        ('{ tokens(filter: {traits: [{name: "a", values: ["b"]}]}) { nodes { id } } }', {}), "FILTER_INCOMPLETE",
    ),
    "balances of everybody": (("{ balances(filter: {}) { nodes { id } } }", {}), "FILTER_INCOMPLETE"),
    "101 owners": (
        ("query ($o: [Address!]) { balances(filter: {owners: $o}) { nodes { id } } }", {"o": [ALICE.text] * 101}),
        "INVALID_OWNERS",
    ),
    "no trait values": (
        (f'{{ tokens(filter: {{{WHERE}, traits: [{{name: "a", values: []}}]}}) {{ nodes {{ id }} }} }}', {}),
        "INVALID_TRAIT_VALUES",
    ),
    "unknown kind": (("{ activities(filter: {kinds: [SALE]}) { nodes { id } } }", {}), "GRAPHQL_VALIDATION_FAILED"),
    "long name part": (
        ("query ($n: String) { collections(filter: {nameContains: $n}) { nodes { id } } }", {"n": "x" * 101}),
        "INVALID_NAME_CONTAINS",
    ),
    "node: nonsense": (('{ node(id: "nonsense") { id } }', {}), "INVALID_ID"),
    "node: giant": (("query ($i: ID!) { node(id: $i) { id } }", {"i": "Q" * 100_000}), "INVALID_ID"),
    "node: of no type": (('{ node(id: "Tm9wZTox") { id } }', {}), "INVALID_ID"),
    "node: bad key": (('{ node(id: "VG9rZW46eA") { id } }', {}), "INVALID_ID"),
    "nodes: 101": (("query ($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["x"] * 101}), "INVALID_IDS"),
    "intent: of another type": (('{ intent(id: "Q2hhaW46ZWlwMTU1OjE") { id } }', {}), "INVALID_ID"),
    "track: nonsense": (track("nonsense"), "INVALID_ID"),
    "track: short hash": (track("0190a0c4-5d1e-7c3a-9d42-6f1c2b3a4d5e", "0x12"), "INVALID_HASH"),
    "track: foreign": (track("0190a0c4-5d1e-7c3a-9d42-6f1c2b3a4d5e"), "INTENT_NOT_FOUND"),
    "empty name": (prepare(name=""), "INVALID_NAME"),
    "long name": (prepare(name="x" * 129), "INVALID_NAME"),
    "NUL in the name": (prepare(name="a\0b"), "INVALID_TEXT"),
    "NUL in the name, written as a literal": (
        (f"""mutation {{ prepareCreateCollection(idempotencyKey: "k", input: {{
            chainId: "{CHAIN.caip2}", standard: ERC721, name: "a\\u0000b", symbol: "L" }}) {{ created }} }}""", {}),
        "INVALID_TEXT",
    ),
    "NUL in a literal, written the other way": (('{ user(handle: "\\u{0}") { id } }', {}), "INVALID_TEXT"),
    "NUL in a literal, by a default": (
        ('query ($h: String = "\\u0000") { user(handle: $h) { id } }', {}), "INVALID_TEXT",
    ),
    "empty key": (prepare(key=""), "INVALID_IDEMPOTENCY_KEY"),
    "long key": (prepare(key="k" * 129), "INVALID_IDEMPOTENCY_KEY"),
    "null key": (prepare(key=None), "VARIABLES_INVALID"),
    "royalty over 100 %": (prepare(royaltyBps=10_001), "INVALID_ROYALTY_BPS"),
    "negative royalty": (prepare(royaltyBps=-1), "INVALID_ROYALTY_BPS"),
    "royalty as text": (prepare(royaltyBps="5"), "VARIABLES_INVALID"),
    "unknown standard": (prepare(standard="ERC20"), "VARIABLES_INVALID"),
    "unknown input field": (prepare(nothing=1), "VARIABLES_INVALID"),
    "foreign wallet": (prepare(wallet="0x" + "11" * 20), "WALLET_NOT_LINKED"),
    "giant price": (terms(price=HUGE), "INVALID_UINT256"),
    "price as float": (terms(price="1.5"), "INVALID_UINT256"),
    "no supply": (terms(maxSupply="0"), "INVALID_MAX_SUPPLY"),
    "time without zone": (terms(startsAt="2026-11-22T09:00:00"), "INVALID_DATE_TIME"),
    "time of no calendar": (terms(startsAt="2026-02-30T09:00:00Z"), "INVALID_DATE_TIME"),
    "time before 1970": (terms(startsAt="0001-01-01T00:00:00Z"), "INVALID_STARTS_AT"),
    "time at the edge of the calendar": (terms(startsAt="0001-01-01T00:00:00+23:59"), "INVALID_DATE_TIME"),
    "end before start": (
        terms(startsAt="2026-11-23T09:00:00Z", endsAt="2026-11-22T09:00:00Z"), "INVALID_ENDS_AT",
    ),
    "quantity 0": (mint(quantity=0), "INVALID_QUANTITY"),
    "quantity -1": (mint(quantity=-1), "INVALID_QUANTITY"),
    "quantity over 32 bits": (mint(quantity=2**40), "VARIABLES_INVALID"),
    "quantity as float": (mint(quantity=1.5), "VARIABLES_INVALID"),
    "65 proofs": (mint(allowlistProof=["0x" + "00" * 32] * 65), "INVALID_ALLOWLIST_PROOF"),
    "document: a list": (metadata([1]), "METADATA_NOT_OBJECT"),
    "document: text": (metadata("{}"), "METADATA_NOT_OBJECT"),
    "document: null": (metadata(None), "VARIABLES_INVALID"),
    "document: giant literal": (
        (f"mutation {{ createMetadata(input: {{document: {{n: {HUGE}}}}}) {{ document {{ uri }} }} }}", {}),
        "INVALID_JSON",
    ),
    "document: literal of 5000 digits": (
        (f"mutation {{ createMetadata(input: {{document: {{n: {DIGITS}}}}}) {{ document {{ uri }} }} }}", {}),
        "INVALID_JSON",
    ),
    "document: nested 300 deep": (metadata({"a": nested(300)}), "INVALID_JSON"),
    "document: NUL": (metadata({"name": "a\0"}), "INVALID_TEXT"),
    "folder: empty": (folder([]), "INVALID_DOCUMENTS"),
    "folder: 1001": (folder([{}] * 1001), "INVALID_DOCUMENTS"),
    "folder: first id too large": (folder([{}], str(2**64)), "INVALID_FIRST_TOKEN_ID"),
    "upload without a file": (
        ("mutation ($f: Upload!) { uploadMedia(file: $f) { asset { cid } } }", {"f": "text"}), "UPLOAD_EXPECTED",
    ),
    "upload literal": (('mutation { uploadMedia(file: "x") { asset { cid } } }', {}), "UPLOAD_EXPECTED"),
    "signature not hex": (
        ('mutation { signIn(input: {message: "m", signature: "0xzz"}) { newUser } }', {}), "INVALID_BYTES",
    ),
    "signature odd": (
        ('mutation { signIn(input: {message: "m", signature: "0x123"}) { newUser } }', {}), "INVALID_BYTES",
    ),
    "long refresh token": (
        (
            "mutation ($t: String!) { refreshSession(input: {refreshToken: $t}) { tokens { accessToken } } }",
            {"t": "x" * 1025},
        ),
        "INVALID_REFRESH_TOKEN",
    ),
    "long bio": (
        ("mutation ($b: String) { updateProfile(input: {bio: $b}) { user { id } } }", {"b": "x" * 4001}),
        "INVALID_BIO",
    ),
    "metadata: long": (
        ("query ($u: String!) { metadata(uri: $u) { uri } }", {"u": "ipfs://" + "x" * 10_000}), "INVALID_URI",
    ),
}  # fmt: skip
WRITES = {
    "PrepareCreateCollection", "PrepareMint721", "PrepareMint1155", "TrackCollectionTx", "CreateMetadata",
    "CreateMetadataFolder", "Upload", "SignIn", "Refresh", "UpdateProfile", "RevokeSession",
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
async def test_a_wrong_request_gets_its_reason_and_changes_nothing(gateway: Gateway, name: str) -> None:
    (query, variables), reason = CASES[name]
    for accept in (GRAPHQL_JSON, "application/json"):
        answer = await gateway.post({"query": query, "variables": variables}, token="token-alice", Accept=accept)
        assert answer.reason == reason, answer.body
        assert answer.status in (200, 400)
        assert answer.code != "INTERNAL"
    assert not WRITES & set(gateway.world.calls)
    assert gateway.world.uploads == []


async def test_a_wrong_value_deep_in_a_variable_is_named_with_its_place(gateway: Gateway) -> None:
    query, variables = terms(price="1.5")
    answer = await gateway.execute(query, token="token-alice", **variables)
    message = answer.body["errors"][0]["message"]
    assert message.startswith("Variable '$input' has invalid value at .mintConfig.price: a uint256 must be")


BODIES: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 400, "INVALID_JSON"),
    "not JSON": (b"{", 400, "INVALID_JSON"),
    "invalid UTF-8": (b'{"query": "\xff"}', 400, "INVALID_JSON"),
    "lone surrogate": (b'{"query": "{ node(id: \\"\\ud800\\") { id } }"}', 400, "INVALID_JSON"),
    "NaN": (b'{"query": "{ chains { id } }", "variables": {"a": NaN}}', 400, "INVALID_JSON"),
    "deep JSON": (b"[" * 100_000, 400, "INVALID_JSON"),
    "variables 300 deep": (
        b'{"query": "{ chains { id } }", "variables": {"x": ' + b"[" * 300 + b"]" * 300 + b"}}",
        400,
        "INVALID_JSON",
    ),
    "extensions 300 deep": (
        b'{"query": "{ chains { id } }", "extensions": {"x": ' + b"[" * 300 + b"]" * 300 + b"}}",
        400,
        "INVALID_JSON",
    ),
    "a number": (b"7", 400, "REQUEST_INVALID"),
    "null": (b"null", 400, "REQUEST_INVALID"),
    "a batch": (b'[{"query": "{ chains { id } }"}]', 400, "BATCHING_REFUSED"),
    "no query": (b"{}", 400, "REQUEST_INVALID"),
    "null query": (b'{"query": null}', 400, "REQUEST_INVALID"),
    "empty query": (b'{"query": "  "}', 400, "REQUEST_INVALID"),
    "query is a number": (b'{"query": 7}', 400, "REQUEST_INVALID"),
    "operationName is a list": (b'{"query": "{ chains { id } }", "operationName": []}', 400, "REQUEST_INVALID"),
    "unknown operation": (b'{"query": "query A { chains { id } }", "operationName": "B"}', 400, "OPERATION_UNKNOWN"),
    "variables is a list": (b'{"query": "{ chains { id } }", "variables": []}', 400, "REQUEST_INVALID"),
    "extensions is text": (b'{"query": "{ chains { id } }", "extensions": "x"}', 400, "REQUEST_INVALID"),
    "larger than allowed": (b'{"query": "' + b"x" * 5_000_000 + b'"}', 413, "BODY_TOO_LARGE"),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_malformed_body_is_a_client_error_in_graphqls_shape(gateway: Gateway, name: str) -> None:
    body, status, reason = BODIES[name]
    answer = await gateway.post(body)
    assert (answer.status, answer.reason) == (status, reason)
    assert answer.headers["Content-Type"] == f"{GRAPHQL_JSON}; charset=utf-8"
    assert "data" not in answer.body


async def test_a_body_without_length_is_cut_off_too(gateway: Gateway) -> None:
    async def endless() -> Any:
        for _ in range(80):
            yield b"x" * 65_536

    async with gateway.session.post(
        f"{gateway.url}/graphql", data=endless(), headers={"Content-Type": "application/json"}
    ) as response:
        assert response.status == 413
        assert (await response.json())["errors"][0]["extensions"]["reason"] == "BODY_TOO_LARGE"


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("text/xml", 415), ("", 415),
        ("application/json; charset=latin-1", 415), ("application/graphql", 415),
        ("APPLICATION/JSON;Charset=UTF-8", 200), ("multipart/form-data", 400), ("multipart/form-data; boundary=x", 400),
    ],
)  # fmt: skip
async def test_content_types(gateway: Gateway, content_type: str, status: int) -> None:
    body = b'{"query": "{ __typename }"}'
    answer = await gateway.post(body, **{"Content-Type": content_type, "graphql-require-preflight": "1"})
    assert answer.status == status
    if status != 200:
        assert answer.reason in {"CONTENT_TYPE_UNSUPPORTED", "MULTIPART_INVALID"}


@pytest.mark.parametrize(
    ("accept", "status", "kind"),
    [
        ("*/*", 200, "application/json"), ("application/json", 200, "application/json"),
        (GRAPHQL_JSON, 200, GRAPHQL_JSON), (f"{GRAPHQL_JSON}, application/json;q=0.9", 200, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0.1, application/json", 200, "application/json"), ("text/xml", 406, "application/json"),
        ("image/png, */*;q=0.1", 200, "application/json"), ("application/json;q=x", 406, "application/json"),
    ],
)  # fmt: skip
async def test_the_answers_media_type_follows_accept(gateway: Gateway, accept: str, status: int, kind: str) -> None:
    answer = await gateway.post({"query": "{ __typename }"}, Accept=accept)
    assert answer.status == status
    assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"


async def test_documents_that_cannot_run_are_400_in_the_new_media_type_and_200_in_the_old(gateway: Gateway) -> None:
    new = await gateway.post({"query": "{ nothing }"}, Accept=GRAPHQL_JSON)
    old = await gateway.post({"query": "{ nothing }"}, Accept="application/json")
    assert (new.status, old.status) == (400, 200)
    assert new.body["errors"][0]["locations"] == old.body["errors"][0]["locations"] == [{"line": 1, "column": 3}]


async def test_queries_by_get_and_no_mutations(gateway: Gateway) -> None:
    status, headers, body = await gateway.get("/graphql?query={__typename}")
    assert (status, json.loads(body)) == (200, {"data": {"__typename": "Query"}})
    status, headers, body = await gateway.get("/graphql?query=mutation{signOut{revoked}}")
    assert (status, headers["Allow"]) == (405, "POST")
    assert json.loads(body)["errors"][0]["extensions"]["reason"] == "POST_REQUIRED"
    for path, reason in (
        ("/graphql", "REQUEST_INVALID"),
        ("/graphql?query={__typename}&variables={", "INVALID_JSON"),
        ("/graphql?query={__typename}&variables=[]", "REQUEST_INVALID"),
        ("/graphql?query=%7B%00", "INVALID_TEXT"),
    ):
        status, headers, body = await gateway.get(path)
        assert status == 400
        assert json.loads(body)["errors"][0]["extensions"]["reason"] == reason


async def test_other_methods_and_paths(gateway: Gateway) -> None:
    async with gateway.session.put(f"{gateway.url}/graphql") as response:
        assert response.status == 405
        error = (await response.json())["errors"][0]
        assert (error["extensions"]["reason"], error["message"]) == ("METHOD_NOT_ALLOWED", "see the Allow header")
        assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}
    status, _, body = await gateway.get("/nothing")
    assert status == 404
    assert json.loads(body)["errors"][0]["extensions"]["reason"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        ("Basic YTpi", "AUTHORIZATION_INVALID"),
        ("Bearer", "AUTHORIZATION_INVALID"),
        ("token-alice", "AUTHORIZATION_INVALID"),
    ],
)
async def test_another_authorization_scheme_is_refused(gateway: Gateway, authorization: str, reason: str) -> None:
    answer = await gateway.post({"query": "{ viewer { address } }"}, Authorization=authorization)
    assert (answer.status, answer.reason) == (401, reason)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("token", ["forged", "x" * 5000, "tökén"])
async def test_a_bad_token_fails_what_needs_one_and_nothing_else(gateway: Gateway, token: str) -> None:
    answer = await gateway.execute("{ viewer { address } }", token=token)
    assert (answer.code, answer.reason) == ("UNAUTHENTICATED", "TOKEN_INVALID")
    public = await gateway.execute("{ chains { name } }", token=token)
    assert public.data["chains"][0] == {"name": "Local"}


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-1.2_3", True), ("x" * 129, False), ("a b", False), ("<script>", False), ("", False)]
)
async def test_a_request_id_is_taken_over_only_when_it_is_plain(gateway: Gateway, given: str, kept: bool) -> None:
    answer = await gateway.post({"query": "{ nothing }"}, **{"x-request-id": given})
    found = answer.headers["x-request-id"]
    assert (found == given) is kept
    assert answer.body["errors"][0]["extensions"]["requestId"] == found


async def test_everybody_learns_of_a_missing_session_on_every_write(gateway: Gateway) -> None:
    for query, variables in (prepare(), mint(), metadata({"name": "x"}), folder([{}]), track("x")):
        answer = await gateway.execute(query, **variables)
        assert (answer.code, answer.reason) == ("UNAUTHENTICATED", "AUTHENTICATION_REQUIRED")
    assert not WRITES & set(gateway.world.calls)


async def test_other_origins_may_not_read_answers(gateway: Gateway) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    async with gateway.session.options(f"{gateway.url}/graphql", headers=headers) as response:
        assert response.status == 400
        assert "Access-Control-Allow-Origin" not in response.headers
    own = gateway.stack.settings.siwe_uris[0]
    async with gateway.session.options(f"{gateway.url}/graphql", headers={**headers, "Origin": own}) as response:
        assert response.status == 200
        assert response.headers["Access-Control-Allow-Origin"] == own
