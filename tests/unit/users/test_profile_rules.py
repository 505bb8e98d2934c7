"""What a handle, a name, a bio and an avatar may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.kit.errors import InvalidArgument
from mercato.services.users.model import ProfileChange, checked


def refusal(change: ProfileChange) -> tuple[str, str]:
    with pytest.raises(InvalidArgument) as error:
        checked(change)
    return error.value.reason, error.value.details["field"]


@pytest.mark.parametrize(
    ("given_handle", "kept"), [("abc", "abc"), ("Alice_01", "alice_01"), ("_x_", "_x_"), ("z" * 30, "z" * 30)]
)
def test_a_handle_is_kept_in_lower_case(given_handle: str, kept: str) -> None:
    assert checked(ProfileChange(handle=given_handle)) == ProfileChange(handle=kept)


@pytest.mark.parametrize(
    "handle", ["", "ab", "z" * 31, "with space", "dash-ed", "dot.ted", "аlice", "straße", "\u212aing", "a\nb"]
)
def test_a_handle_of_other_characters_is_refused(handle: str) -> None:
    assert refusal(ProfileChange(handle=handle)) == ("INVALID_HANDLE", "handle")


@pytest.mark.parametrize(
    "handle", ["admin", "Admin", "adm1n", "4dm1n", "a_d_m_i_n", "mercato", "M3RCAT0", "null", "api"]
)
def test_a_handle_that_reads_like_a_reserved_word_is_refused(handle: str) -> None:
    assert refusal(ProfileChange(handle=handle)) == ("HANDLE_RESERVED", "handle")


def test_texts_are_kept_without_outer_spaces() -> None:
    change = ProfileChange(display_name="  Ada Łoś 🦊 ", bio=" two\nlines ", avatar_uri="ipfs://bafy/1.png")
    assert checked(change) == ProfileChange(display_name="Ada Łoś 🦊", bio="two\nlines", avatar_uri="ipfs://bafy/1.png")


def test_an_empty_text_clears_and_none_leaves() -> None:
    assert checked(ProfileChange(display_name="", avatar_uri="")) == ProfileChange(display_name="", avatar_uri="")


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        (ProfileChange(display_name="x" * 51), "INVALID_DISPLAY_NAME", "display_name"),
        (ProfileChange(display_name="two\nlines"), "INVALID_DISPLAY_NAME", "display_name"),
        (ProfileChange(display_name="right\u202eleft"), "INVALID_DISPLAY_NAME", "display_name"),
        (ProfileChange(display_name="nul\0"), "INVALID_DISPLAY_NAME", "display_name"),
        (ProfileChange(bio="x" * 501), "INVALID_BIO", "bio"),
        (ProfileChange(bio="bell\a"), "INVALID_BIO", "bio"),
        (ProfileChange(avatar_uri="http://a.b/c.png"), "INVALID_AVATAR", "avatar_uri"),
        (ProfileChange(avatar_uri="javascript:alert(1)"), "INVALID_AVATAR", "avatar_uri"),
        (ProfileChange(avatar_uri="https://"), "INVALID_AVATAR", "avatar_uri"),
        (ProfileChange(avatar_uri="https://a b"), "INVALID_AVATAR", "avatar_uri"),
        (ProfileChange(avatar_uri="https://" + "x" * 2048), "INVALID_AVATAR", "avatar_uri"),
    ],
)
def test_other_texts_are_refused_with_their_field(change: ProfileChange, reason: str, field: str) -> None:
    assert refusal(change) == (reason, field)


@given(st.text(), st.text(), st.text())
def test_any_text_is_either_kept_fit_for_storage_or_refused(name: str, bio: str, avatar: str) -> None:
    for change in (ProfileChange(display_name=name), ProfileChange(bio=bio), ProfileChange(avatar_uri=avatar)):
        try:
            kept = checked(change)
        except InvalidArgument:
            continue
        for text in (kept.display_name, kept.bio, kept.avatar_uri):
            assert text is None or "\0" not in text
        assert checked(kept) == kept
