"""Users and profiles: what a handle, a name, a bio, an avatar and links may be.

Handles are ASCII: letters a-z in either case, digits, underscores. Nothing else is folded into them: ``K`` (U+212A) or
``ａ`` (U+FF41) are refused, not read as k or a. So folding case is `str.lower`, and two handles can only be confused
by the few look-alikes that ASCII has itself, which `skeleton` takes together as UTS 39 does for all of Unicode.

Names, bios and labels may have any script. They are kept in normal form C (UAX 15), and their lengths are counted in
code points after that. Refused is what is not seen or changes what is seen around it: control, private and unassigned
characters, bidirectional marks, blanks that are letters by name, and more than four combining marks in a row. Joiners
(U+200C, U+200D) may stand between two visible characters, since Persian and emoji are written with them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mercato.kit.errors import FailedPrecondition, InvalidArgument
from mercato.kit.ids import Address, UserId

NAME_LIMIT = 50
BIO_LIMIT = 500
AVATAR_LIMIT = 500
LINKS_LIMIT = 5
LABEL_LIMIT = 30
URL_LIMIT = 300

_HANDLE = re.compile(r"[A-Za-z0-9_]{3,30}")
# What an upload gives out, or a file of a folder.
_AVATAR = re.compile(r"ipfs://[A-Za-z0-9]{20,120}(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]{1,120}){0,8}")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
# A name in DNS with two labels at least, the last not a number; no port, no user, and in the rest what RFC 3986 allows.
_LINK = re.compile(rf"https://({_LABEL}\.)+(?=[a-z]){_LABEL}(?=[/?#]|$)[A-Za-z0-9._~:/?#@!$&()*+,;=%-]*")
_ORIGIN = re.compile(r"^[A-Za-z]+://[^/?#]*")
_MARKS_IN_A_ROW = 4
_JOINERS = "\u200c\u200d"
# Printable by category, yet nothing to see.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")

# Handles that could pass for the house itself or that read as something else in a URL.
_RESERVED_TEXT = """
about account accounts activity admin administrator api app assets auth blog collection collections contact create
dashboard docs edit explore faq feed graphql healthz help home https index info item items legal login logout market
marketplace mercato metrics mint mod moderator news notifications null official owner privacy profile public readyz
register root sales search security settings signin signout signup staff static status store support system team
terms token tokens trade undefined user username users verified wallet wallets web www
"""
_RESERVED = frozenset(_RESERVED_TEXT.split())
# Digits that are read as letters, so that "adm1n" is reserved with "admin". What they are read as may look like yet
# another letter, as in "rn3rcat0".
_READ_AS = str.maketrans("0123456789", "oizeasgtbg", "_")
_LOOKS_LIKE = str.maketrans("01i", "oll", "_")


@dataclass(frozen=True)
class Link:
    """Somewhere else on the web, by https."""

    label: str
    url: str


@dataclass(frozen=True)
class Profile:
    """What a user shows; `handle` is None until chosen, the other texts are empty."""

    handle: str | None = None
    display_name: str = ""
    bio: str = ""
    avatar_uri: str = ""
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class User:
    """`address` is the one the user first signed in with; it never changes, though it may be unlinked later."""

    id: UserId
    address: Address
    profile: Profile
    created_at: datetime
    last_login_at: datetime | None = None


@dataclass(frozen=True)
class ProfileChange:
    """New values; None leaves a field as it is. An empty text clears a field, except the handle; `links` are all of
    them, none clears."""

    handle: str | None = None
    display_name: str | None = None
    bio: str | None = None
    avatar_uri: str | None = None
    links: tuple[Link, ...] | None = None


def skeleton(handle: str) -> str:
    """What a handle in lower case looks like: equal for two that can be taken for each other.

    The ASCII part of UTS 39's confusables, folded: 0 and o; 1, i and l; rn and m. Besides vv and w, and underscores,
    which many a typeface joins with what is beside them.
    """
    return handle.translate(_LOOKS_LIKE).replace("rn", "m").replace("vv", "w")


HELD_LIMIT = 5
"""Handles that one user holds back at most; else one user could keep any number from everybody."""


def check_held(held: int) -> None:
    """`held` handles are held back for a user who wants to change it once more. Raises `FailedPrecondition`
    TOO_MANY_HANDLES."""
    if held > HELD_LIMIT:
        raise FailedPrecondition(
            "TOO_MANY_HANDLES",
            f"you changed your handle often: {HELD_LIMIT} earlier ones are held for you; take one of them, or wait",
            field="handle",
        )


PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"})
"""Types of stored files that are shown as pictures; SVG is handed out as a download, for it may run scripts."""


def check_avatar(content_type: str | None) -> None:
    """An avatar is a picture that media holds; `content_type` is what it found in the file, None without one.

    An ``ipfs://`` URI can name any file of the world's, but nobody here would have looked at it: nothing fetches it
    when a profile is shown, and it may be gone, or no picture at all. So it is uploaded first.
    Raises `FailedPrecondition` AVATAR_NOT_STORED or `InvalidArgument` AVATAR_NOT_AN_IMAGE.
    """
    if content_type is None:
        raise FailedPrecondition(
            "AVATAR_NOT_STORED", "this picture is not stored here; upload it and use its uri", field="avatar_uri"
        )
    if content_type.partition(";")[0].strip() not in PICTURES:
        raise InvalidArgument(
            "AVATAR_NOT_AN_IMAGE", "an avatar is a PNG, JPEG, GIF, WebP or AVIF image", field="avatar_uri"
        )


def folded(handle: str) -> str | None:
    """A handle as it is kept, for looking one up; None for what cannot be one."""
    return handle.lower() if _HANDLE.fullmatch(handle) else None


def checked(change: ProfileChange) -> ProfileChange:
    """The change in the form that is kept: handle in lower case, names and bio without outer spaces.

    Raises `InvalidArgument` INVALID_HANDLE, HANDLE_RESERVED, INVALID_DISPLAY_NAME, INVALID_BIO, INVALID_AVATAR or
    INVALID_LINKS, each with the detail `field`.
    """
    return ProfileChange(
        handle=None if change.handle is None else _handle(change.handle),
        display_name=None if change.display_name is None else _display_name(change.display_name),
        bio=None if change.bio is None else _bio(change.bio),
        avatar_uri=None if change.avatar_uri is None else _avatar(change.avatar_uri),
        links=None if change.links is None else _links(change.links),
    )


_RESERVED_SKELETONS = frozenset(map(skeleton, _RESERVED))


def _handle(text: str) -> str:
    if _HANDLE.fullmatch(text) is None:
        raise InvalidArgument(
            "INVALID_HANDLE", "a handle has 3 to 30 letters a-z, digits and underscores", field="handle"
        )
    handle = text.lower()
    if skeleton(handle.translate(_READ_AS)) in _RESERVED_SKELETONS:
        raise InvalidArgument("HANDLE_RESERVED", f"{handle} is reserved; choose another handle", field="handle")
    return handle


def _display_name(text: str) -> str:
    name = _composed(text)
    if len(name) > NAME_LIMIT or not _is_visible(name):
        raise InvalidArgument(
            "INVALID_DISPLAY_NAME",
            f"a display name is one line of at most {NAME_LIMIT} visible characters",
            field="display_name",
        )
    return name


def _bio(text: str) -> str:
    bio = _composed(text.replace("\r\n", "\n"))
    if len(bio) > BIO_LIMIT or not all(map(_is_visible, bio.split("\n"))):
        raise InvalidArgument("INVALID_BIO", f"a bio has at most {BIO_LIMIT} visible characters", field="bio")
    return bio


def _avatar(text: str) -> str:
    if text and (len(text) > AVATAR_LIMIT or _AVATAR.fullmatch(text) is None):
        raise InvalidArgument(
            "INVALID_AVATAR", "an avatar is the ipfs:// URI of an image that was uploaded here", field="avatar_uri"
        )
    return text


def _links(links: Sequence[Link]) -> tuple[Link, ...]:
    if len(links) > LINKS_LIMIT:
        raise _bad_link(f"at most {LINKS_LIMIT} links are shown")
    return tuple(map(_link, links))


def _link(link: Link) -> Link:
    label = _composed(link.label)
    if not 0 < len(label) <= LABEL_LIMIT or not _is_visible(label):
        raise _bad_link(f"a label is one line of 1 to {LABEL_LIMIT} visible characters")
    url = _ORIGIN.sub(lambda origin: origin[0].lower(), link.url)
    if len(url) > URL_LIMIT or _LINK.fullmatch(url) is None:
        raise _bad_link(
            f"a link is an https:// URL of at most {URL_LIMIT} ASCII characters on a named host, without user or port"
        )
    return Link(label, url)


def _bad_link(rule: str) -> InvalidArgument:
    return InvalidArgument("INVALID_LINKS", rule, field="links")


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _is_visible(line: str) -> bool:
    """Whether every character of a line shows, or joins two that do."""
    marks = _MARKS_IN_A_ROW  # so that none may begin the line
    for index, character in enumerate(line):
        if character in _BLANKS:
            return False
        if character in _JOINERS:
            if not 0 < index < len(line) - 1 or line[index - 1] in " " + _JOINERS or line[index + 1] == " ":
                return False
        elif not character.isprintable():
            return False
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if marks > _MARKS_IN_A_ROW:
            return False
    return True
