"""Who flagged and unflagged a token stays known: each change once, in its order, whatever forks do to the token."""

from __future__ import annotations

import asyncio

import pytest
from catalog_facts import Chain, Deliver, Move, account, block, contract

from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import Address
from mercato.kit.postgres import Database
from mercato.rpc.catalog.v1 import catalog_pb2 as pb
from mercato.services.catalog.app import servicer
from mercato.services.catalog.store.flags import Flags, TokenKey
from mercato.services.catalog.store.versions import ChangedRows

CATS = contract("cats")


@pytest.fixture
def flags(database: Database) -> Flags:
    return Flags(database.pool)


@pytest.fixture
async def token(deliver: Deliver, chain: Chain) -> TokenKey:
    await deliver(chain.messages([(block(1), [Move(0, CATS, 7, recipient=account("ann"))])]))
    return chain.id, Address(CATS), "7"


async def told(flags: Flags, token: TokenKey) -> list[tuple[str, bool, str, str]]:
    """Oldest first."""
    return [(m.flag, m.raised, m.reason, m.done_by) for m in reversed(await flags.history(token, 100, None))]


async def standing(database: Database, token: TokenKey) -> set[str]:
    rows = await database.pool.fetch(
        """SELECT flag FROM nft_flags JOIN collections USING (collection_ref) JOIN sync_state USING (chain_ref)
        WHERE chain_number = $1 AND contract = $2""",
        int(token[0]),
        token[1],
    )
    return {row["flag"] for row in rows}


async def test_each_change_leaves_one_line_with_who_and_why(flags: Flags, token: TokenKey, database: Database) -> None:
    await flags.put_up(token, "SPAM", "airdropped", "ann")
    await flags.put_up(token, "SPAM", "airdropped", "ann")
    await flags.put_up(token, "SPAM", "copies another", "bob")
    await flags.put_up(token, "STOLEN", "police", "ann")
    await flags.take_down(token, "SPAM", "a mistake", "cid")
    await flags.take_down(token, "SPAM", "again", "cid")
    await flags.take_down(token, "NEVER_UP", "", "cid")
    assert await told(flags, token) == [
        ("SPAM", True, "airdropped", "ann"),
        ("SPAM", True, "copies another", "bob"),
        ("STOLEN", True, "police", "ann"),
        ("SPAM", False, "a mistake", "cid"),
    ]
    assert await standing(database, token) == {"STOLEN"}
    times = [line.at for line in await flags.history(token, 100, None)]
    assert times == sorted(times, reverse=True)


async def test_a_token_that_is_not_there_has_no_history(flags: Flags, token: TokenKey) -> None:
    chain, address, _ = token
    await flags.put_up((chain, address, "8"), "SPAM", "x", "ann")
    assert await told(flags, (chain, address, "8")) == []
    assert await told(flags, token) == []


async def test_of_admins_who_do_the_same_at_once_each_change_is_noted_once_and_they_alternate(
    flags: Flags, token: TokenKey, database: Database
) -> None:
    for turn in range(5):
        await asyncio.gather(*(flags.put_up(token, "SPAM", f"turn {turn}", "ann") for _ in range(4)))
        await asyncio.gather(*(flags.take_down(token, "SPAM", "", f"admin {n}") for n in range(4)))
    lines = await told(flags, token)
    assert [(raised, reason) for _, raised, reason, _ in lines] == [
        line for turn in range(5) for line in ((True, f"turn {turn}"), (False, ""))
    ]
    await asyncio.gather(
        *(flags.put_up(token, "SPAM", "again", "ann") for _ in range(6)),
        *(flags.take_down(token, "SPAM", "", "bob") for _ in range(6)),
    )
    raised = [line[1] for line in (await told(flags, token))[10:]]
    assert raised == [n % 2 == 0 for n in range(len(raised))]
    assert (await standing(database, token) == {"SPAM"}) == raised[-1]


async def test_a_fork_that_takes_the_token_leaves_what_was_done_to_it(
    flags: Flags, token: TokenKey, deliver: Deliver, chain: Chain, database: Database
) -> None:
    await flags.put_up(token, "SPAM", "airdropped", "ann")
    await deliver([chain.reorged([block(1)], block(0), 1)])
    await deliver(chain.messages([(block(1), [Move(0, CATS, 7, recipient=account("ann"))])], generation=1))
    assert await told(flags, token) == [("SPAM", True, "airdropped", "ann")]


async def test_the_history_is_listed_newest_first_by_pages(
    token: TokenKey, database: Database, changed: ChangedRows
) -> None:
    catalog, chain = servicer(database, changed), token[0]
    key = pb.TokenKey(chain_id=chain.caip2, contract=CATS, token_id="7")
    for number in range(5):
        request = pb.FlagTokenRequest(token=key, flag="SPAM", reason=f"reason {number}", flagged_by="ann")
        await catalog.FlagToken(request, None)  # type: ignore[arg-type]
    seen, after = [], ""
    while True:
        asked = pb.ListModerationRequest(token=key)
        asked.page.first, asked.page.after = 2, after
        answer = await catalog.ListModeration(asked, None)  # type: ignore[arg-type]
        seen.append([entry.reason for entry in answer.entries])
        assert len(answer.cursors) == len(answer.entries)
        if not answer.page.has_next_page:
            break
        after = answer.page.end_cursor
    assert seen == [["reason 4", "reason 3"], ["reason 2", "reason 1"], ["reason 0"]]
    bad = pb.ListModerationRequest(token=key)
    bad.page.after = "x"
    with pytest.raises(InvalidArgument, match="INVALID_CURSOR"):
        await catalog.ListModeration(bad, None)  # type: ignore[arg-type]
