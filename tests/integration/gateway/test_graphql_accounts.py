"""Users, their wallets and what these approved, through the API."""

from __future__ import annotations

import pytest
from gateway_fakes import ALICE, BOB, CHAIN, CONTRACT, WALLET_ID, stamp
from gateway_parts import Gateway

from mercato.kit.errors import Conflict, FailedPrecondition
from mercato.rpc.wallets.v1 import wallets_pb2
from mercato.services.gateway.model import node_ids

LINK = """mutation { linkWallet(input: {message: "sign this", signature: "0x0102"}) {
    created wallet { id address chainId primary } } }"""
UNLINK = "mutation ($id: ID!) { unlinkWallet(id: $id) { revokedSessions wallets { address } } }"
APPROVALS = """approvals(owner: "%s", filter: {chainId: "eip155:31337", operator: "%s"}) {
    nodes { contract owner operator tokenId position { blockNumber logIndex } } pageInfo { endCursor hasNextPage } }"""


def wallet_node() -> str:
    return node_ids.local("Wallet", WALLET_ID)


async def test_a_wallet_is_linked_by_what_it_signed_for_the_viewers_account(gateway: Gateway) -> None:
    asked = await gateway.execute(
        """mutation ($a: Address!) { requestWalletLink(input: {address: $a, chainId: "eip155:31337"}) { message } }""",
        token="token-alice",
        a=BOB.text,
    )
    assert asked.data["requestWalletLink"]["message"] == "sign this"
    request = gateway.world.requests["IssueNonce"]
    assert (request.link_user_id, request.address) == (str(gateway.world.alice), BOB)
    linked = await gateway.execute(LINK, token="token-alice")
    assert linked.data["linkWallet"] == {
        "created": True,
        "wallet": {"id": wallet_node(), "address": BOB.checksum, "chainId": CHAIN.caip2, "primary": True},
    }
    proved = gateway.world.requests["VerifyLink"]
    assert (proved.user_id, proved.message, proved.signature) == (str(gateway.world.alice), "sign this", b"\1\2")
    link = gateway.world.requests["LinkWallet"]
    assert (link.user_id, link.address) == (str(gateway.world.alice), BOB)
    assert (link.proof, link.occasion) == (wallets_pb2.PROOF_KEY, wallets_pb2.OCCASION_LINK)


async def test_a_nonce_for_signing_in_names_nobody(gateway: Gateway) -> None:
    query = """mutation ($a: Address!) { requestNonce(input: {address: $a, chainId: "eip155:31337"}) { nonce } }"""
    await gateway.execute(query, token="token-alice", a=BOB.text)
    assert gateway.world.requests["IssueNonce"].link_user_id == ""


@pytest.mark.parametrize(
    "query",
    [
        LINK,
        f'mutation {{ requestWalletLink(input: {{address: "{BOB.text}", chainId: "eip155:31337"}}) {{ nonce }} }}',
        f'mutation {{ unlinkWallet(id: "{wallet_node()}") {{ revokedSessions }} }}',
        f'mutation {{ setPrimaryWallet(id: "{wallet_node()}") {{ wallet {{ id }} }} }}',
    ],
)
async def test_wallets_are_changed_by_the_signed_in_alone(gateway: Gateway, query: str) -> None:
    answer = await gateway.execute(query)
    assert answer.code == "UNAUTHENTICATED"
    assert sum(gateway.world.calls.values()) == 0


async def test_an_address_of_somebody_else_is_refused_with_the_reason(gateway: Gateway) -> None:
    gateway.world.failures["LinkWallet"] = Conflict("WALLET_OF_ANOTHER_USER", "linked to another user")
    answer = await gateway.execute(LINK, token="token-alice")
    assert (answer.code, answer.reason) == ("CONFLICT", "WALLET_OF_ANOTHER_USER")


async def test_a_signature_that_is_refused_links_nothing(gateway: Gateway) -> None:
    gateway.world.failures["VerifyLink"] = Conflict("NONCE_PURPOSE", "not for this")
    answer = await gateway.execute(LINK, token="token-alice")
    assert answer.reason == "NONCE_PURPOSE"
    assert gateway.world.calls["LinkWallet"] == 0


async def test_unlinking_ends_the_sessions_of_the_wallet_and_shows_what_is_left(gateway: Gateway) -> None:
    answer = await gateway.execute(UNLINK, token="token-alice", id=wallet_node())
    assert answer.data["unlinkWallet"] == {"revokedSessions": 2, "wallets": [{"address": ALICE.checksum}]}
    assert gateway.world.requests["UnlinkWallet"].wallet_id == WALLET_ID
    revoked = gateway.world.requests["RevokeWalletSessions"]
    assert (revoked.user_id, revoked.wallet_id) == (str(gateway.world.alice), WALLET_ID)
    assert (revoked.address, revoked.chain_id) == (BOB, CHAIN.caip2)


async def test_the_last_wallet_stays_and_so_do_its_sessions(gateway: Gateway) -> None:
    gateway.world.failures["UnlinkWallet"] = FailedPrecondition("LAST_WALLET", "link another one first")
    answer = await gateway.execute(UNLINK, token="token-alice", id=wallet_node())
    assert answer.reason == "LAST_WALLET"
    assert gateway.world.calls["RevokeWalletSessions"] == 0


@pytest.mark.parametrize(
    "node_id", ["", "x", "%%%", WALLET_ID, node_ids.local("Session", WALLET_ID), node_ids.local("Wallet", "7")]
)
async def test_what_is_no_id_of_a_wallet_is_refused(gateway: Gateway, node_id: str) -> None:
    answer = await gateway.execute(UNLINK, token="token-alice", id=node_id)
    assert answer.reason == "INVALID_ID"
    assert gateway.world.calls["UnlinkWallet"] == 0


async def test_the_first_choice_is_changed(gateway: Gateway) -> None:
    answer = await gateway.execute(
        "mutation ($id: ID!) { setPrimaryWallet(id: $id) { wallet { address primary } } }",
        token="token-alice",
        id=wallet_node(),
    )
    assert answer.data["setPrimaryWallet"]["wallet"] == {"address": BOB.checksum, "primary": True}


async def test_a_user_is_seen_by_handle_and_by_the_address_of_a_wallet(gateway: Gateway) -> None:
    answer = await gateway.execute(
        """query ($a: Address!, $n: Address!) {
            byHandle: user(handle: "Alice") { id address primaryAddress profile { handle links { url } } }
            byAddress: user(address: $a) { id }
            nobody: user(handle: "bob") { id }
            stranger: user(address: $n) { id } }""",
        a=ALICE.text,
        n=CONTRACT.text,
    )
    alice = node_ids.user(gateway.world.alice)
    assert answer.data == {
        "byHandle": {
            "id": alice, "address": ALICE.checksum, "primaryAddress": ALICE.checksum,
            "profile": {"handle": "alice", "links": []},
        },
        "byAddress": {"id": alice}, "nobody": None, "stranger": None,
    }  # fmt: skip


@pytest.mark.parametrize("arguments", ["", f'(handle: "alice", address: "{ALICE.text}")'])
async def test_a_user_is_asked_for_in_one_way(gateway: Gateway, arguments: str) -> None:
    query = f"{{ user{arguments} {{ id }} }}" if arguments else "{ user { id } }"
    answer = await gateway.execute(query)
    assert answer.reason == "ARGUMENTS_AMBIGUOUS"


async def test_approvals_of_anybody_are_public_and_narrowed(gateway: Gateway) -> None:
    answer = await gateway.execute("{" + APPROVALS % (ALICE.text, BOB.text) + "}")
    assert answer.data["approvals"] == {
        "nodes": [
            {
                "contract": CONTRACT.checksum, "owner": ALICE.checksum, "operator": BOB.checksum, "tokenId": None,
                "position": {"blockNumber": 7, "logIndex": 0},
            }
        ],
        "pageInfo": {"endCursor": "next", "hasNextPage": True},
    }  # fmt: skip
    request = gateway.world.requests["ListApprovals"]
    assert (list(request.owners), request.chain_id, request.operator) == ([ALICE], CHAIN.caip2, BOB)
    assert (request.contract, request.page.first) == (b"", 20)


async def test_the_history_says_what_ended_an_approval(gateway: Gateway) -> None:
    answer = await gateway.execute(
        """query ($o: Address!) { approvalHistory(owner: $o, first: 2) { edges { cursor node {
            approved tokenId endedBy { blockNumber logIndex } } } } }""",
        o=ALICE.text,
    )
    assert answer.data["approvalHistory"]["edges"] == [
        {"cursor": "a", "node": {"approved": False, "tokenId": None, "endedBy": None}},
        {"cursor": "b", "node": {"approved": True, "tokenId": "7", "endedBy": {"blockNumber": 9, "logIndex": 3}}},
    ]


async def test_lists_of_approvals_name_the_block_of_their_own_and_how_final_each_word_is(gateway: Gateway) -> None:
    point = "asOf { chainId blockNumber finality }"
    answer = await gateway.execute(
        f"""query ($o: Address!) {{
            approvals(owner: $o) {{ {point} nodes {{ position {{ finality }} }} }}
            approvalHistory(owner: $o) {{ {point} nodes {{ position {{ finality }} endedBy {{ finality }} }} }} }}""",
        o=ALICE.text,
    )
    at = [{"chainId": CHAIN.caip2, "blockNumber": 9, "finality": "SAFE"}]
    final, safe = {"finality": "FINALIZED"}, {"finality": "SAFE"}
    assert answer.data["approvals"] == {"asOf": at, "nodes": [{"position": final}]}
    assert answer.data["approvalHistory"] == {
        "asOf": at,
        "nodes": [{"position": final, "endedBy": None}, {"position": final, "endedBy": safe}],
    }


async def test_the_viewer_sees_the_approvals_of_all_wallets_in_one_call(gateway: Gateway) -> None:
    answer = await gateway.execute(
        """query ($c: Address!) { viewer { approvals(first: 5) { nodes { id } }
            approvalHistory(filter: {contract: $c}) { nodes { id approved } } } }""",
        token="token-alice",
        c=CONTRACT.text,
    )
    viewer = answer.data["viewer"]
    assert viewer["approvals"]["nodes"][0]["id"] == viewer["approvalHistory"]["nodes"][0]["id"]
    assert list(gateway.world.requests["ListApprovals"].owners) == [ALICE]
    assert gateway.world.requests["ListApprovalHistory"].contract == CONTRACT
    assert gateway.world.calls["ListWallets"] == 1


async def test_links_are_passed_on_as_a_whole_or_not_at_all(gateway: Gateway) -> None:
    query = """mutation ($i: UpdateProfileInput!) { updateProfile(input: $i) {
        user { profile { links { label url } } } } }"""
    links = [{"label": "Site", "url": "https://a.example/"}]
    answer = await gateway.execute(query, token="token-alice", i={"links": links})
    assert answer.data["updateProfile"]["user"]["profile"]["links"] == links
    await gateway.execute(query, token="token-alice", i={"links": []})
    assert gateway.world.requests["UpdateProfile"].HasField("links")
    await gateway.execute(query, token="token-alice", i={"bio": "x", "links": None})
    assert not gateway.world.requests["UpdateProfile"].HasField("links")


SIGN_INS = """query ($first: Int, $after: String) { viewer { lastSignInAt signIns(first: $first, after: $after) {
  nodes { at occasion succeeded reason address chainId ip userAgent sessionId sessionEndedAt sessionEndReason }
  pageInfo { hasNextPage endCursor } } } }"""


async def test_the_viewer_reads_the_log_of_its_sign_ins(gateway: Gateway) -> None:
    first = await gateway.execute(SIGN_INS, token="token-alice", first=1)
    assert first.data["viewer"] == {
        "lastSignInAt": "2026-11-22T09:05:00.000Z",
        "signIns": {
            "nodes": [{
                "at": "2026-11-22T09:00:00.000Z", "occasion": "SIGN_IN", "succeeded": True, "reason": "SIGNED_IN",
                "address": ALICE.checksum, "chainId": CHAIN.caip2, "ip": "127.0.0.1", "userAgent": "tests/1",
                "sessionId": node_ids.local("Session", "s1"), "sessionEndedAt": "2026-11-22T10:00:00.000Z",
                "sessionEndReason": "BY_USER",
            }],
            "pageInfo": {"hasNextPage": True, "endCursor": "1"},
        },
    }  # fmt: skip
    asked = gateway.world.requests["ListLoginEvents"]
    assert asked.user_id == str(gateway.world.alice)
    assert [(w.address, w.chain_id, w.since) for w in asked.wallets] == [(ALICE, CHAIN.caip2, stamp())]
    second = await gateway.execute(SIGN_INS, token="token-alice", after="1")
    assert second.data["viewer"]["signIns"]["nodes"] == [{
        "at": "2026-11-22T09:00:00.000Z", "occasion": "REFRESH", "succeeded": False, "reason": "REFRESH_REUSED",
        "address": None, "chainId": None, "ip": None, "userAgent": None, "sessionId": None, "sessionEndedAt": None,
        "sessionEndReason": None,
    }]  # fmt: skip


async def test_nobody_else_reads_the_log_of_sign_ins(gateway: Gateway) -> None:
    assert (await gateway.execute(SIGN_INS)).data == {"viewer": None}
    assert gateway.world.calls["ListLoginEvents"] == 0
