"""What movements add up to: the same in any order and any division."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mercato.services.catalog.model.fold import CollectionFold, Movement, Sum, TokenFold, fold

ANN, BOB = b"a" * 20, b"b" * 20
TX = bytes(32)


def move(
    place: tuple[int, int, int],
    sender: bytes | None,
    recipient: bytes | None,
    amount: int | None = None,
    token_id: str = "7",
    collection_ref: int = 1,
) -> Movement:
    return Movement(place[0], collection_ref, place[1], place[2], token_id, sender, recipient, TX, None, amount)


def test_an_erc721_token_goes_to_whoever_the_highest_position_says() -> None:
    folded = fold([move((5, 1, 1), ANN, BOB), move((5, 1, 0), None, ANN), move((4, 9, 9), BOB, ANN)])
    assert folded.tokens == {(1, "7"): TokenFold(move((5, 1, 1), ANN, BOB), 5, 0)}
    assert folded.balances == {}
    assert folded.holders == {(1, ANN): Sum(1, 3, 5), (1, BOB): Sum(0, 2, 5)}
    assert folded.collections == {1: CollectionFold(supply=1, multi=False)}


def test_a_burn_leaves_nobody_as_the_owner() -> None:
    folded = fold([move((1, 0, 0), None, ANN), move((2, 0, 0), ANN, None)])
    assert folded.tokens[1, "7"].last == move((2, 0, 0), ANN, None)
    assert folded.collections[1].supply == 0
    assert folded.holders == {(1, ANN): Sum(0, 2, 2)}


def test_units_are_minted_moved_and_burned() -> None:
    folded = fold([
        move((3, 0, 0), None, ANN, 10), move((2, 0, 0), None, BOB, 5), move((4, 0, 0), ANN, BOB, 4),
        move((5, 0, 0), BOB, None, 1), move((6, 0, 0), ANN, ANN, 2),
    ])  # fmt: skip
    assert folded.tokens == {(1, "7"): TokenFold(None, 2, 14)}
    assert folded.balances == {(1, "7", ANN): Sum(6, 4, 6), (1, "7", BOB): Sum(8, 3, 5)}
    assert folded.holders == {(1, ANN): Sum(6, 4, 6), (1, BOB): Sum(8, 3, 5)}
    assert folded.collections == {1: CollectionFold(supply=14, multi=True)}


def test_no_units_moved_is_still_a_movement() -> None:
    folded = fold([move((3, 0, 0), None, ANN, 0)])
    assert folded.balances == {(1, "7", ANN): Sum(0, 1, 3)}
    assert folded.tokens == {(1, "7"): TokenFold(None, 3, 0)}


def test_what_was_added_is_taken_away_again() -> None:
    assert Sum(-3, 2, 9).negated() == Sum(3, -2, 9)


accounts = st.sampled_from([None, ANN, BOB])
movements = st.lists(
    st.builds(
        move,
        st.tuples(st.integers(1, 3), st.integers(0, 3), st.integers(0, 1)),
        accounts,
        accounts,
        st.one_of(st.none(), st.integers(0, 5)),
        st.sampled_from(["1", "2"]),
        st.integers(1, 2),
    ),
    unique_by=lambda m: (m.block_ref, m.log_index, m.batch_index),
)


@given(movements, st.randoms(use_true_random=False))
def test_order_does_not_matter(found: list[Movement], chance: object) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(shuffled) == fold(found)


@given(movements, st.integers(0, 20))
def test_sums_of_parts_are_sums_of_the_whole(found: list[Movement], cut: int) -> None:
    whole, left, right = fold(found), fold(found[:cut]), fold(found[cut:])
    none = Sum()
    for key, total in whole.holders.items():
        parts = left.holders.get(key, none), right.holders.get(key, none)
        assert (total.units, total.moves) == (sum(p.units for p in parts), sum(p.moves for p in parts))
    for ref, collection in whole.collections.items():
        parts_ = [f.collections[ref] for f in (left, right) if ref in f.collections]
        assert collection.supply == sum(p.supply for p in parts_)
