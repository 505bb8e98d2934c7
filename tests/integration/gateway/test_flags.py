"""Flags of tokens through the API: admins put them up and take them off, by name and with a reason."""

from __future__ import annotations

import pytest
from gateway_fakes import CHAIN, CONTRACT
from gateway_parts import Gateway

from mercato.kit.errors import NotFound

FLAG = "mutation ($input: FlagTokenInput!) { flagToken(input: $input) { token { tokenId flags } } }"
UNFLAG = "mutation ($input: UnflagTokenInput!) { unflagToken(input: $input) { token { tokenId flags } } }"
TOKEN = {"chainId": CHAIN.caip2, "contract": CONTRACT.checksum, "tokenId": "7", "flag": "SPAM"}


async def test_an_admin_flags_a_token_in_their_own_name_and_takes_it_off_again(gateway: Gateway) -> None:
    answer = await gateway.execute(FLAG, token="token-admin", input={**TOKEN, "reason": "copies another"})
    assert answer.data["flagToken"]["token"] == {"tokenId": "7", "flags": ["SPAM"]}
    request = gateway.world.requests["FlagToken"]
    assert (request.token.chain_id, request.token.contract, request.token.token_id) == (
        CHAIN.caip2, bytes(CONTRACT), "7",
    )  # fmt: skip
    admin = gateway.world.tokens_of_users["token-admin"]
    assert (request.flag, request.reason, request.flagged_by) == ("SPAM", "copies another", str(admin))
    answer = await gateway.execute(UNFLAG, token="token-admin", input=TOKEN)
    assert answer.data["unflagToken"]["token"] == {"tokenId": "7", "flags": []}
    request = gateway.world.requests["UnflagToken"]
    assert (request.flag, request.reason, request.unflagged_by) == ("SPAM", "", str(admin))
    await gateway.execute(UNFLAG, token="token-admin", input={**TOKEN, "reason": "a mistake"})
    assert gateway.world.requests["UnflagToken"].reason == "a mistake"


async def test_an_admin_sees_who_flagged_and_unflagged_a_token_and_why(gateway: Gateway) -> None:
    key = f'chainId: "{CHAIN.caip2}", contract: "{CONTRACT.checksum}", tokenId: "7"'
    what = "nodes { id flag raised reason doneBy admin { address } } pageInfo { hasNextPage }"
    query = f"{{ tokenModeration({key}, first: 2) {{ {what} }} }}"
    answer = await gateway.execute(query, token="token-admin")
    page = answer.data["tokenModeration"]
    admin = str(gateway.world.tokens_of_users["token-admin"])
    assert [(n["flag"], n["raised"], n["reason"], n["doneBy"]) for n in page["nodes"]] == [
        ("SPAM", False, None, admin),
        ("SPAM", True, "airdropped", "bot"),
    ]
    assert page["nodes"][0]["admin"] is not None
    assert page["nodes"][1]["admin"] is None
    assert len({node["id"] for node in page["nodes"]}) == 2
    request = gateway.world.requests["ListModeration"]
    assert (request.token.token_id, request.page.first) == ("7", 2)
    for token, reason in (("token-guest", "ADMIN_REQUIRED"), (None, "AUTHENTICATION_REQUIRED")):
        assert (await gateway.execute(query, token=token)).reason == reason
    assert gateway.world.calls["ListModeration"] == 1


@pytest.mark.parametrize(("query", "more"), [(FLAG, {"reason": "x"}), (UNFLAG, {})])
@pytest.mark.parametrize(("token", "reason"), [("token-guest", "ADMIN_REQUIRED"), (None, "AUTHENTICATION_REQUIRED")])
async def test_who_is_no_admin_is_refused_and_nothing_is_asked_of_the_catalog(
    gateway: Gateway, query: str, more: dict[str, str], token: str | None, reason: str
) -> None:
    answer = await gateway.execute(query, token=token, input={**TOKEN, **more})
    assert answer.reason == reason
    assert gateway.world.calls["FlagToken"] == gateway.world.calls["UnflagToken"] == 0


async def test_what_the_catalog_refuses_is_told_with_its_reason(gateway: Gateway) -> None:
    gateway.world.failures["FlagToken"] = NotFound("TOKEN_NOT_FOUND", "there is no such token")
    answer = await gateway.execute(FLAG, token="token-admin", input={**TOKEN, "reason": "x"})
    assert (answer.code, answer.reason) == ("NOT_FOUND", "TOKEN_NOT_FOUND")


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"flag": "X"}, "INVALID_FLAG"), ({"flag": "X" * 41}, "INVALID_FLAG"), ({"reason": ""}, "INVALID_REASON")],
)
async def test_a_wrong_flag_or_no_reason_is_refused(gateway: Gateway, change: dict[str, str], reason: str) -> None:
    answer = await gateway.execute(FLAG, token="token-admin", input={**TOKEN, "reason": "x", **change})
    assert answer.reason == reason
    assert gateway.world.calls["FlagToken"] == 0
