"""What the API does: sign-in, uploads, metadata, intents, and what each passes on."""

from __future__ import annotations

import json

import aiohttp
import pytest
from gateway_fakes import ALICE, BOB, CHAIN, CID, CONTRACT, PNG, an_intent
from gateway_parts import Gateway

from mercato.kit.errors import Conflict, RateLimited

PREPARE = """mutation ($input: PrepareCreateCollectionInput!, $key: String!) {
  prepareCreateCollection(input: $input, idempotencyKey: $key) {
    created intent { id state contract transaction { chainId chainNumber to data value gasLimit maxFeePerGas } } } }"""
MINT_721 = """mutation ($input: PrepareMint721Input!, $key: String!) {
  prepareMint721(input: $input, idempotencyKey: $key) { created intent { id kind } } }"""
MINT_1155 = """mutation ($input: PrepareMint1155Input!, $key: String!) {
  prepareMint1155(input: $input, idempotencyKey: $key) { created intent { id } } }"""
UPLOAD = (
    "mutation ($file: Upload!) { uploadMedia(file: $file) { asset { cid uri url contentType size width height } } }"
)
COLLECTION = {"chainId": CHAIN.caip2, "standard": "ERC721", "name": "Light", "symbol": "L"}
PREFLIGHT = {"graphql-require-preflight": "1"}


def form(query: str = UPLOAD, data: bytes = PNG, places: object = None) -> aiohttp.FormData:
    """A multipart request with one file."""
    found = aiohttp.FormData()
    found.add_field("operations", json.dumps({"query": query, "variables": {"file": None}}))
    found.add_field("map", json.dumps({"0": ["variables.file"]} if places is None else places))
    found.add_field("0", data, filename="light.png", content_type="image/png")
    return found


async def test_sign_in_goes_from_nonce_to_tokens(gateway: Gateway) -> None:
    nonce = await gateway.execute(
        """mutation ($a: Address!) { requestNonce(input: {address: $a, chainId: "eip155:31337"}) {
            message nonce expiresAt } }""",
        a=ALICE.text,
    )
    assert nonce.data["requestNonce"] == {
        "message": "sign this", "nonce": "n0nce123", "expiresAt": "2026-11-22T09:00:00.000Z",
    }  # fmt: skip
    answer = await gateway.post(
        {
            "query": """mutation { signIn(input: {message: "sign this", signature: "0x0102"}) {
                newUser address chainId user { address } tokens { accessToken refreshToken accessTokenExpiresAt } } }"""
        },
        **{"User-Agent": "newcomer/1"},
    )
    signed_in = answer.data["signIn"]
    assert signed_in["user"] == {"address": ALICE.checksum}
    assert signed_in["tokens"]["accessToken"] == "token-alice"
    request = gateway.world.requests["SignIn"]
    assert (request.signature, request.client.ip, request.client.user_agent) == (b"\x01\x02", "127.0.0.1", "newcomer/1")
    refreshed = await gateway.execute(
        'mutation { refreshSession(input: {refreshToken: "r0"}) { tokens { refreshToken } } }'
    )
    assert refreshed.data == {"refreshSession": {"tokens": {"refreshToken": "r1"}}}


@pytest.mark.parametrize(
    ("argument", "method", "revoked"), [("", "RevokeSession", 1), ("(all: true)", "RevokeAllSessions", 3)]
)
async def test_sign_out_ends_one_session_or_all(gateway: Gateway, argument: str, method: str, revoked: int) -> None:
    token = f"token-{method}"  # what is signed out stays so for the gateway of all tests here
    gateway.world.tokens_of_users[token] = gateway.world.alice
    answer = await gateway.execute(f"mutation {{ signOut{argument} {{ revoked }} }}", token=token)
    assert answer.data == {"signOut": {"revoked": revoked}}
    assert gateway.world.calls[method] == 1


async def test_a_revoked_token_is_refused_at_once_after_sign_out(gateway: Gateway) -> None:
    gateway.world.tokens_of_users["token-leaving"] = gateway.world.alice
    await gateway.execute("mutation { signOut { revoked } }", token="token-leaving")
    answer = await gateway.execute("{ viewer { address } }", token="token-leaving")
    assert (answer.code, answer.reason) == ("UNAUTHENTICATED", "SESSION_REVOKED")


async def test_an_upload_reaches_media_whole(gateway: Gateway) -> None:
    answer = await gateway.upload(form(), **PREFLIGHT)
    assert answer.data["uploadMedia"]["asset"] == {
        "cid": CID, "uri": f"ipfs://{CID}", "url": f"/media/{CID}", "contentType": "image/png", "size": len(PNG),
        "width": 4, "height": 3,
    }  # fmt: skip
    assert gateway.world.uploads == [("light.png", PNG)]


async def test_an_upload_needs_a_session_and_a_preflight(gateway: Gateway) -> None:
    anonymous = await gateway.upload(form(), token=None, **PREFLIGHT)
    assert (anonymous.code, anonymous.reason) == ("UNAUTHENTICATED", "AUTHENTICATION_REQUIRED")
    simple = await gateway.upload(form())
    assert (simple.status, simple.reason) == (400, "PREFLIGHT_HEADER_REQUIRED")
    assert gateway.world.uploads == []


@pytest.mark.parametrize(
    ("size", "status", "reason"), [(1_500_000, 200, "UPLOAD_TOO_LARGE"), (3_000_000, 413, "BODY_TOO_LARGE")]
)
async def test_an_oversized_upload_is_refused_by_media_or_before_it(
    gateway: Gateway, size: int, status: int, reason: str
) -> None:
    answer = await gateway.upload(form(data=b"0" * size), **PREFLIGHT)
    assert (answer.status, answer.code, answer.reason) == (status, "TOO_LARGE", reason)
    assert gateway.world.uploads == []


@pytest.mark.parametrize(
    "places", [[], {"1": ["variables.file"]}, {"0": ["query"]}, {"0": ["variables.other"]}, {"0": "variables.file"}]
)
async def test_a_map_that_fits_nothing_is_refused(gateway: Gateway, places: object) -> None:
    answer = await gateway.upload(form(places=places), **PREFLIGHT)
    assert (answer.status, answer.reason) == (400, "MULTIPART_INVALID")


async def test_a_body_of_too_many_files_is_refused(gateway: Gateway) -> None:
    crowd = form()
    for number in range(1, 11):
        crowd.add_field(str(number), b"x", filename="x.png", content_type="image/png")
    answer = await gateway.upload(crowd, **PREFLIGHT)
    assert (answer.status, answer.reason) == (400, "MULTIPART_INVALID")
    assert gateway.world.uploads == []


async def test_metadata_documents_are_passed_on_as_json(gateway: Gateway) -> None:
    document = {"name": "Light", "attributes": [{"trait_type": "Mood", "value": "calm"}]}
    one = await gateway.execute(
        "mutation ($d: JSON!) { createMetadata(input: {document: $d}) { document { uri url json } } }",
        token="token-alice",
        d=document,
    )
    assert one.data["createMetadata"]["document"] == {"uri": f"ipfs://{CID}", "url": f"/media/{CID}", "json": document}
    folder = await gateway.execute(
        'mutation ($d: [JSON!]!) { createMetadataFolder(input: {documents: $d, firstTokenId: "7"}) { cid uri } }',
        token="token-alice",
        d=[document, {"name": "Dark"}],
    )
    assert folder.data["createMetadataFolder"] == {"cid": CID, "uri": f"ipfs://{CID}/"}
    asked = gateway.world.requests["CreateMetadataFolder"]
    assert [json.loads(d) for d in asked.json] == [document, {"name": "Dark"}]
    assert asked.first_token_id == 7


async def test_a_prepared_collection_is_what_a_wallet_can_sign(gateway: Gateway) -> None:
    answer = await gateway.execute(PREPARE, token="token-alice", key="k1", input=COLLECTION)
    payload = answer.data["prepareCreateCollection"]
    assert payload["created"] is True
    assert payload["intent"]["transaction"] == {
        "chainId": "eip155:31337", "chainNumber": 31337, "to": CONTRACT.checksum, "data": "0x1234", "value": "1000",
        "gasLimit": "120000", "maxFeePerGas": "3000000000",
    }  # fmt: skip
    asked = gateway.world.requests["PrepareCreateCollection"]
    assert (asked.caller.user_id, asked.caller.wallet, asked.caller.idempotency_key) == (
        str(gateway.world.alice), ALICE, "k1",
    )  # fmt: skip
    assert (asked.royalty_receiver, asked.mint_config.payee, asked.mint_config.price) == (ALICE, ALICE, "0")
    again = await gateway.execute(PREPARE, token="token-alice", key="k1", input=COLLECTION)
    assert again.data["prepareCreateCollection"]["created"] is False
    assert again.data["prepareCreateCollection"]["intent"]["id"] == payload["intent"]["id"]


async def test_mint_terms_reach_the_orchestrator_typed(gateway: Gateway) -> None:
    config = {
        "price": str(2**255), "maxSupply": "10", "perWalletLimit": "2", "startsAt": "2026-11-22T10:00:00+01:00",
        "endsAt": "2026-11-23T09:00:00Z", "allowlistRoot": "0x" + "ab" * 32, "payee": BOB.checksum,
    }  # fmt: skip
    await gateway.execute(PREPARE, token="token-alice", key="k", input={**COLLECTION, "mintConfig": config})
    sent = gateway.world.requests["PrepareCreateCollection"].mint_config
    assert (sent.price, sent.max_supply, sent.per_wallet_limit) == (str(2**255), "10", "2")
    assert (sent.starts_at, sent.ends_at) == (1795338000, 1795424400)
    assert (sent.allowlist_root, sent.payee) == (b"\xab" * 32, BOB)


async def test_mints_of_both_standards(gateway: Gateway) -> None:
    where = {"chainId": CHAIN.caip2, "contract": CONTRACT.checksum}
    await gateway.execute(
        MINT_721, token="token-alice", key="a", input={**where, "quantity": 3, "allowlistProof": ["0x" + "01" * 32]}
    )
    sent = gateway.world.requests["PrepareMint721"]
    assert (sent.contract, sent.recipient, sent.quantity, list(sent.allowlist_proof)) == (
        CONTRACT, ALICE, 3, [b"\x01" * 32],
    )  # fmt: skip
    giant = {**where, "tokenId": str(2**256 - 1), "amount": "5", "recipient": BOB.checksum}
    await gateway.execute(MINT_1155, token="token-alice", key="b", input=giant)
    sent = gateway.world.requests["PrepareMint1155"]
    assert (sent.token_id, sent.amount, sent.recipient) == (str(2**256 - 1), "5", BOB)


async def test_only_own_wallets_may_sign(gateway: Gateway) -> None:
    answer = await gateway.execute(PREPARE, token="token-alice", key="k", input={**COLLECTION, "wallet": BOB.checksum})
    assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "WALLET_NOT_LINKED")
    assert gateway.world.calls["PrepareCreateCollection"] == 0


async def test_a_reported_hash_reaches_the_orchestrator(gateway: Gateway) -> None:
    intent = an_intent(gateway.world.alice, ["PREPARED", "SUBMITTED"], tx_hash=b"\x77" * 32)
    gateway.world.intents[intent.id] = intent
    for field in ("trackCollectionTx", "trackMintTx"):
        answer = await gateway.execute(
            f"""mutation ($id: ID!, $h: Hash!) {{
                {field}(input: {{intentId: $id, txHash: $h}}) {{ intent {{ state txHash }} }} }}""",
            token="token-alice",
            id=intent.id,
            h="0x" + "77" * 32,
        )
        assert answer.data[field]["intent"] == {"state": "SUBMITTED", "txHash": "0x" + "77" * 32}
    assert gateway.world.requests["TrackMintTx"].tx_hash == b"\x77" * 32


async def test_a_profile_changes_only_in_what_is_given(gateway: Gateway) -> None:
    answer = await gateway.execute(
        """mutation ($i: UpdateProfileInput!) { updateProfile(input: $i) {
            user { profile { handle displayName avatarUri avatarUrl } } } }""",
        token="token-alice",
        i={"handle": "alice", "bio": None, "avatarUri": f"ipfs://{CID}"},
    )
    assert answer.data["updateProfile"]["user"]["profile"] == {
        "handle": "alice", "displayName": None, "avatarUri": f"ipfs://{CID}", "avatarUrl": f"/media/{CID}",
    }  # fmt: skip
    sent = gateway.world.requests["UpdateProfile"]
    assert [sent.HasField(f) for f in ("handle", "display_name", "bio", "avatar_uri")] == [True, False, False, True]


async def test_a_services_refusal_arrives_with_its_reason_and_details(gateway: Gateway) -> None:
    gateway.world.failures["PrepareCreateCollection"] = Conflict(
        "IDEMPOTENCY_KEY_REUSED", "this key was used with another body; take a new one", field="idempotencyKey"
    )
    answer = await gateway.execute(PREPARE, token="token-alice", key="k", input=COLLECTION)
    assert answer.status == 200
    error = answer.body["errors"][0]
    assert error["message"] == "this key was used with another body; take a new one"
    assert error["path"] == ["prepareCreateCollection"]
    assert (answer.code, answer.reason) == ("CONFLICT", "IDEMPOTENCY_KEY_REUSED")
    assert error["extensions"]["details"] == {"field": "idempotencyKey"}


async def test_a_rate_limit_says_when_to_come_back(gateway: Gateway) -> None:
    gateway.world.failures["IssueNonce"] = RateLimited("TOO_MANY_REQUESTS", "wait a little", retry_after="7")
    answer = await gateway.execute(
        f'mutation {{ requestNonce(input: {{address: "{ALICE.text}", chainId: "eip155:31337"}}) {{ nonce }} }}'
    )
    assert answer.code == "RATE_LIMITED"
    assert answer.headers["Retry-After"] == "7"


async def test_an_unexpected_failure_is_internal_without_its_text(gateway: Gateway) -> None:
    gateway.world.failures["BatchGetUsers"] = RuntimeError("password=hunter2")
    answer = await gateway.post(
        {"query": "{ viewer { address user { address } } }"}, token="token-alice", **{"x-request-id": "my-request.1"}
    )
    assert answer.status == 200
    assert (answer.code, answer.reason) == ("INTERNAL", "INTERNAL")
    assert answer.body["errors"][0]["extensions"]["requestId"] == "my-request.1"
    assert answer.headers["x-request-id"] == "my-request.1"
    assert "hunter2" not in json.dumps(answer.body)


async def test_an_ill_formed_answer_of_a_service_is_internal_too(gateway: Gateway) -> None:
    gateway.world.tokens[1].supply = "not a number"
    answer = await gateway.execute("{ tokens(first: 1) { nodes { tokenId } } }")
    assert answer.status == 200
    assert (answer.code, answer.reason) == ("INTERNAL", "INTERNAL")
    assert "not a number" not in json.dumps(answer.body)
