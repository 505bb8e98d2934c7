"""Bringing in existing contracts through the API: admins only, and everybody sees how far it is."""

from __future__ import annotations

from gateway_fakes import ALICE, CHAIN, CONTRACT
from gateway_parts import Gateway

from mercato.kit.errors import FailedPrecondition

IMPORT = """mutation ($input: ImportCollectionInput!) { importCollection(input: $input) {
  collectionImport { chainId contract standard name symbol state fromBlock blocksRead blocksTotal requestedBy } } }"""
WANTED = {"chainId": CHAIN.caip2, "contract": CONTRACT.text}


async def test_an_admin_has_a_contract_imported(gateway: Gateway) -> None:
    answer = await gateway.execute(IMPORT, token="token-admin", input={**WANTED, "fromBlock": 7})
    assert answer.data["importCollection"]["collectionImport"] == {
        "chainId": CHAIN.caip2, "contract": CONTRACT.checksum, "standard": "ERC721", "name": "First light",
        "symbol": "LIGHT", "state": "REQUESTED", "fromBlock": None, "blocksRead": 0, "blocksTotal": 0,
        "requestedBy": ALICE.checksum,
    }  # fmt: skip
    request = gateway.world.requests["ImportCollection"]
    assert (request.chain_id, request.contract, request.from_block, request.requested_by) == (
        CHAIN.caip2, bytes(CONTRACT), 7, bytes(ALICE),
    )  # fmt: skip
    await gateway.execute(IMPORT, token="token-admin", input=WANTED)
    assert not gateway.world.requests["ImportCollection"].HasField("from_block")


async def test_who_is_no_admin_is_refused_and_nothing_is_asked_of_the_indexer(gateway: Gateway) -> None:
    signed_in = await gateway.execute(IMPORT, token="token-guest", input=WANTED)
    anonymous = await gateway.execute(IMPORT, input=WANTED)
    assert (signed_in.code, signed_in.reason) == ("PERMISSION_DENIED", "ADMIN_REQUIRED")
    assert (anonymous.code, anonymous.reason) == ("UNAUTHENTICATED", "AUTHENTICATION_REQUIRED")
    assert gateway.world.calls["ImportCollection"] == 0


async def test_the_indexers_refusal_reaches_the_admin_with_its_reason(gateway: Gateway) -> None:
    gateway.world.failures["ImportCollection"] = FailedPrecondition("NOT_AN_NFT_CONTRACT", "it does not say so")
    answer = await gateway.execute(IMPORT, token="token-admin", input=WANTED)
    assert (answer.code, answer.reason) == ("FAILED_PRECONDITION", "NOT_AN_NFT_CONTRACT")


async def test_everybody_sees_how_far_imports_are(gateway: Gateway) -> None:
    answer = await gateway.execute(
        """query ($chain: ChainId) { collectionImports(first: 1, chainId: $chain) {
            nodes { state reason fromBlock blocksRead blocksTotal factsPublished collection { name } }
            edges { cursor } pageInfo { hasNextPage endCursor } } }""",
        chain=CHAIN.caip2,
    )
    assert answer.data["collectionImports"] == {
        "nodes": [
            {
                "state": "READING", "reason": None, "fromBlock": 3, "blocksRead": 2, "blocksTotal": 5,
                "factsPublished": 0, "collection": {"name": "First light"},
            }
        ],
        "edges": [{"cursor": "c1"}],
        "pageInfo": {"hasNextPage": True, "endCursor": "c1"},
    }  # fmt: skip
    request = gateway.world.requests["ListImports"]
    assert (request.chain_id, request.contract, request.page.first) == (CHAIN.caip2, b"", 1)
