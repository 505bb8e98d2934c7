"""What a handle, a name, a bio, an avatar and links may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.kit.errors import InvalidArgument
from mercato.services.users.model import Link, ProfileChange, checked, folded, skeleton

CID = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"


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
    "handle",
    [
        "",
        "ab",
        "z" * 31,
        "with space",
        "dash-ed",
        "dot.ted",
        "аlice",
        "straße",
        "\u212aing",
        "a\nb",
        "a\0b",
        "ａlice",
        "ali\u200dce",
    ],
)
def test_a_handle_of_other_characters_is_refused(handle: str) -> None:
    assert refusal(ProfileChange(handle=handle)) == ("INVALID_HANDLE", "handle")


@pytest.mark.parametrize(
    "handle",
    [
        "admin",
        "Admin",
        "adm1n",
        "4dm1n",
        "a_d_m_i_n",
        "mercato",
        "M3RCAT0",
        "null",
        "api",
        "adrnin",
        "vvallet",
        "rnerc4to",
        "rn3rcat0",
        "4drn1n",
        "vvall3t",
        "rnark3t",
        "a_d_rn_1_n",
        "si9nin",
        "blo6",
        "c0llectlon",
        "1egal",
    ],
)
def test_a_handle_that_reads_like_a_reserved_word_is_refused(handle: str) -> None:
    assert refusal(ProfileChange(handle=handle)) == ("HANDLE_RESERVED", "handle")


def test_texts_are_kept_without_outer_spaces() -> None:
    change = ProfileChange(display_name="  Ada Łoś 🦊 ", bio=" two\r\nlines ", avatar_uri=f"ipfs://{CID}/1.png")
    assert checked(change) == ProfileChange(
        display_name="Ada Łoś 🦊", bio="two\nlines", avatar_uri=f"ipfs://{CID}/1.png"
    )


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
        (ProfileChange(avatar_uri="https://a.example/c.png"), "INVALID_AVATAR", "avatar_uri"),
        (ProfileChange(avatar_uri="data:image/svg+xml,<svg/>"), "INVALID_AVATAR", "avatar_uri"),
        (ProfileChange(avatar_uri=f"ipfs://{CID}/../x"), "INVALID_AVATAR", "avatar_uri"),
        (ProfileChange(avatar_uri="ipfs://" + "x" * 2048), "INVALID_AVATAR", "avatar_uri"),
        (ProfileChange(display_name="hang\u3164ul"), "INVALID_DISPLAY_NAME", "display_name"),
        (ProfileChange(display_name="\u2800"), "INVALID_DISPLAY_NAME", "display_name"),
        (ProfileChange(display_name="a\u200d"), "INVALID_DISPLAY_NAME", "display_name"),
        (ProfileChange(display_name="a\u200d\u200db"), "INVALID_DISPLAY_NAME", "display_name"),
        (ProfileChange(display_name="\u0301a"), "INVALID_DISPLAY_NAME", "display_name"),
        (ProfileChange(display_name="z" + "\u0334" * 5), "INVALID_DISPLAY_NAME", "display_name"),
        (ProfileChange(display_name="\ue000"), "INVALID_DISPLAY_NAME", "display_name"),
        (ProfileChange(display_name="\ud800"), "INVALID_DISPLAY_NAME", "display_name"),
        (ProfileChange(bio="left\u2066right"), "INVALID_BIO", "bio"),
        (ProfileChange(bio="line\u2028line"), "INVALID_BIO", "bio"),
    ],
)
def test_other_texts_are_refused_with_their_field(change: ProfileChange, reason: str, field: str) -> None:
    assert refusal(change) == (reason, field)


@given(st.text(), st.text(), st.text())
def test_any_text_is_either_kept_fit_for_storage_or_refused(name: str, bio: str, avatar: str) -> None:
    changes = (
        ProfileChange(display_name=name),
        ProfileChange(bio=bio),
        ProfileChange(avatar_uri=avatar),
        ProfileChange(links=(Link(name, "https://a.example/"),)),
        ProfileChange(links=(Link("x", bio),)),
    )
    for change in changes:
        try:
            kept = checked(change)
        except InvalidArgument:
            continue
        for text in (kept.display_name, kept.bio, kept.avatar_uri):
            assert text is None or "\0" not in text
        assert checked(kept) == kept


def test_names_are_composed_before_they_are_counted() -> None:
    assert checked(ProfileChange(display_name="e\u0301" * 50)).display_name == "é" * 50


@pytest.mark.parametrize("name", ["👩\u200d👩\u200d👧", "می\u200cخواهم", "Zoë ✔️", "李小龍", "❤️\u200d🔥"])
def test_names_of_any_script_and_joined_emoji_are_kept(name: str) -> None:
    assert checked(ProfileChange(display_name=name)) == ProfileChange(display_name=name)


@pytest.mark.parametrize(
    ("one", "other"),
    [("alice", "al1ce"), ("alice", "allce"), ("bob", "b0b"), ("bob", "b_o_b"), ("amber", "arnber"), ("ewok", "evvok")],
)
def test_handles_that_look_alike_have_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(("one", "other"), [("alice", "alicia"), ("bob", "rob"), ("max", "mac"), ("mel", "me11a")])
def test_handles_that_differ_to_the_eye_have_two(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


@given(st.from_regex(r"[A-Za-z0-9_]{3,30}", fullmatch=True))
def test_a_handle_is_looked_up_as_it_is_kept(handle: str) -> None:
    assert folded(handle) == handle.lower() == folded(handle.lower())


def test_what_cannot_be_a_handle_is_looked_up_as_nothing() -> None:
    assert [folded(text) for text in ("", "\u212aing", "a\0b", "two words")] == [None] * 4


def test_links_are_kept_in_order_with_their_host_in_lower_case() -> None:
    links = (Link(" My site ", "HTTPS://Example.COM/Path?Q=1#F"), Link("𝕏", "https://x.example"))
    kept = (Link("My site", "https://example.com/Path?Q=1#F"), Link("𝕏", "https://x.example"))
    assert checked(ProfileChange(links=links)) == ProfileChange(links=kept)
    assert checked(ProfileChange(links=())) == ProfileChange(links=())


@pytest.mark.parametrize(
    "url",
    [
        "", "http://a.example", "javascript:alert(1)", "https:a.example", "//a.example", "https://", "https://localhost",
        "https://127.0.0.1/", "https://[::1]/", "https://2130706433/", "https://0x7f.1/", "https://user@a.example/",
        "https://a.example:8443/", "https://a.example\\@b.example/", "https://a.example/\n", "https://a.example/a b",
        "https://a.example/\u202e", "https://аpple.example/", "https://a..example/", "https://-a.example/",
        "https://a.example/\"onclick=", "https://a.example/" + "x" * 300, " https://a.example",
    ],
)  # fmt: skip
def test_a_link_that_is_no_plain_https_address_is_refused(url: str) -> None:
    assert refusal(ProfileChange(links=(Link("here", url),))) == ("INVALID_LINKS", "links")


@pytest.mark.parametrize("label", ["", "  ", "x" * 31, "a\nb", "\u202eevil", "a\0"])
def test_a_link_needs_a_label_that_shows(label: str) -> None:
    assert refusal(ProfileChange(links=(Link(label, "https://a.example"),))) == ("INVALID_LINKS", "links")


def test_six_links_are_too_many() -> None:
    assert refusal(ProfileChange(links=(Link("x", "https://a.example"),) * 6)) == ("INVALID_LINKS", "links")
