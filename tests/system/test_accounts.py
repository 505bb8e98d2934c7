"""One account with several wallets, its profile, and what its wallets approved, through the public API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from mercato.evm.abi import Function
from mercato.kit.ids import Address, new_id
from mercato.story import documents
from mercato.story.api import Api, ApiError, Json
from mercato.story.play import Story
from mercato.story.wallet import Wallet
from tests.marketplace import Marketplace

APPROVE = Function("approve(address,uint256)")
APPROVE_ALL = Function("setApprovalForAll(address,bool)")
TRANSFER = Function("transferFrom(address,address,uint256)")
OPERATOR = Address(bytes.fromhex("0e" * 20))
PATIENCE = 30.0


def of(story: Story, wallet: Wallet, market: Marketplace) -> Story:
    """The same person at another wallet, with a session of its own."""
    return Story(Api(market.session, market.url), story.node, story.chain, wallet=wallet)


async def until(story: Story, seen: Callable[[Json], bool]) -> Json:
    async with asyncio.timeout(PATIENCE):
        while not seen(account := await story.read_account()):
            await asyncio.sleep(0.05)
    return account


async def test_an_account_is_entered_by_each_of_its_wallets_until_one_is_unlinked(market: Marketplace) -> None:
    story = await market.signed_in_story()
    first, second = story.wallet.address.checksum, Wallet()
    async with story.api.socket() as socket:
        events = await socket.subscribe(documents.MY_EVENTS)
        linked = await story.link_wallet(second)
        heard = (await events.next())["myEvents"]
        while heard["__typename"] != "WalletLinked" or heard["address"] == first:
            heard = (await events.next())["myEvents"]
        await events.close()
    assert (linked["created"], linked["wallet"]["primary"]) == (True, False)
    assert (heard["address"], heard["primary"]) == (second.address.checksum, False)

    elsewhere = of(story, second, market)
    entered = await elsewhere.sign_in()
    account = await elsewhere.read_account()
    assert entered["newUser"] is False
    assert entered["user"]["id"] == account["user"]["id"]
    assert (account["user"]["address"], account["user"]["primaryAddress"]) == (first, first)
    assert [w["address"] for w in account["wallets"]] == [first, second.address.checksum]
    assert all(w["lastSeenAt"] for w in account["wallets"])

    chosen = await elsewhere.api.execute(documents.SET_PRIMARY_WALLET, id=linked["wallet"]["id"])
    assert chosen["setPrimaryWallet"]["wallet"]["primary"] is True
    gone = (await story.api.execute(documents.UNLINK_WALLET, id=linked["wallet"]["id"]))["unlinkWallet"]
    assert gone["revokedSessions"] == 1
    assert [(w["address"], w["primary"]) for w in gone["wallets"]] == [(first, True)]
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(ApiError) as refusal:
            while True:
                await elsewhere.read_account()
                await asyncio.sleep(0.05)
    assert refusal.value.reason == "SESSION_REVOKED"
    own = await of(story, second, market).sign_in()
    assert own["newUser"] is True
    with pytest.raises(ApiError) as refusal:
        await story.api.execute(documents.UNLINK_WALLET, id=gone["wallets"][0]["id"])
    assert refusal.value.reason == "LAST_WALLET"


async def test_a_profile_is_seen_by_handle_and_by_any_wallet(market: Marketplace) -> None:
    story = await market.signed_in_story()
    second = Wallet()
    await story.link_wallet(second)
    asset, _ = await story.upload()
    handle = f"Ada_{new_id().hex[-12:]}"
    links = [{"label": "Site", "url": "https://ada.example/"}]
    profile = {"handle": handle, "displayName": "Ada", "bio": "Countess", "avatarUri": asset["uri"], "links": links}
    await story.api.execute(documents.UPDATE_PROFILE, input=profile)
    anybody = Api(market.session, market.url)
    seen = (await anybody.execute(documents.USER, handle=handle.upper()))["user"]
    assert seen["profile"] == {
        "handle": handle.lower(), "displayName": "Ada", "bio": "Countess", "avatarUrl": asset["url"], "links": links,
    }  # fmt: skip
    for wallet in (story.wallet, second):
        assert (await anybody.execute(documents.USER, address=wallet.address.checksum))["user"] == seen
    other = await market.signed_in_story()
    for taken, reason in ((handle.upper(), "HANDLE_TAKEN"), (handle.replace("_", ""), "HANDLE_CONFUSABLE")):
        with pytest.raises(ApiError) as refusal:
            await other.api.execute(documents.UPDATE_PROFILE, input={"handle": taken})
        assert refusal.value.reason == reason


async def test_approvals_follow_the_chain_and_a_transfer_ends_the_one_of_its_token(market: Marketplace) -> None:
    story = await market.signed_in_story()
    intent = (await story.prepare_collection("ERC721", "ipfs://story"))["intent"]
    await story.send(intent)
    await story.until_ended(intent["id"])
    contract = intent["contract"]
    mint = await story.api.execute(
        documents.PREPARE_MINT_721,
        input={"chainId": story.chain.caip2, "contract": contract, "quantity": 2},
        key=str(new_id()),
    )
    minting = mint["prepareMint721"]["intent"]
    await story.send(minting)
    await story.until_ended(minting["id"])

    def held(account: Json) -> list[str | None]:
        return sorted((a["tokenId"] for a in account["approvals"]["nodes"]), key=str)

    await story.call(contract, APPROVE.encode(OPERATOR, 1))
    await story.call(contract, APPROVE.encode(OPERATOR, 2))
    await story.call(contract, APPROVE_ALL.encode(OPERATOR, True))
    account = await until(story, lambda a: len(held(a)) == 3)
    assert held(account) == ["1", "2", None]
    assert {a["operator"] for a in account["approvals"]["nodes"]} == {OPERATOR.checksum}
    assert {a["contract"] for a in account["approvals"]["nodes"]} == {contract}

    await story.call(contract, TRANSFER.encode(story.wallet.address, OPERATOR, 1))
    await until(story, lambda a: held(a) == ["2", None])
    await story.call(contract, APPROVE_ALL.encode(OPERATOR, False))
    await until(story, lambda a: held(a) == ["2"])
    await story.call(contract, APPROVE_ALL.encode(OPERATOR, True))
    # Two lists of one answer are two reads, between which the chain may go on.
    account = await until(story, lambda a: held(a) == ["2", None] and len(a["approvalHistory"]["nodes"]) == 5)
    history = account["approvalHistory"]["nodes"]
    assert [(h["tokenId"], h["approved"], h["endedBy"] is not None) for h in history] == [
        (None, True, False), (None, False, False), (None, True, False), ("2", True, False), ("1", True, True),
    ]  # fmt: skip
