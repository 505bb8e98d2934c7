"""Users and profiles: what a handle, a name, a bio and an avatar may be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import Address, UserId

NAME_LIMIT = 50
BIO_LIMIT = 500
AVATAR_LIMIT = 2048

_HANDLE = re.compile(r"[A-Za-z0-9_]{3,30}")
_AVATAR = re.compile(r"(ipfs://|https://)[!-~]+")

# Handles that could pass for the house itself or that read as something else in a URL.
_RESERVED_TEXT = """
about account accounts activity admin administrator api app assets auth blog collection collections contact create
dashboard docs edit explore faq feed graphql healthz help home https index info item items legal login logout market
marketplace mercato metrics mint mod moderator news notifications null official owner privacy profile public readyz
register root sales search security settings signin signout signup staff static status store support system team
terms token tokens trade undefined user username users verified wallet wallets web www
"""
_RESERVED = frozenset(_RESERVED_TEXT.split())
# Digits that are read as letters, so that "adm1n" is reserved with "admin".
_READ_AS = str.maketrans("0134578", "oieastb", "_")


@dataclass(frozen=True)
class Profile:
    """What a user shows; `handle` is None until chosen, the other texts are empty."""

    handle: str | None = None
    display_name: str = ""
    bio: str = ""
    avatar_uri: str = ""


@dataclass(frozen=True)
class User:
    """`address` is the one the user first signed in with; it never changes."""

    id: UserId
    address: Address
    profile: Profile
    created_at: datetime


@dataclass(frozen=True)
class ProfileChange:
    """New values; None leaves a field as it is. An empty text clears a field, except the handle."""

    handle: str | None = None
    display_name: str | None = None
    bio: str | None = None
    avatar_uri: str | None = None


def checked(change: ProfileChange) -> ProfileChange:
    """The change in the form that is kept: handle in lower case, names and bio without outer spaces.

    Raises `InvalidArgument` INVALID_HANDLE, HANDLE_RESERVED, INVALID_DISPLAY_NAME, INVALID_BIO or INVALID_AVATAR,
    each with the detail `field`.
    """
    return ProfileChange(
        handle=None if change.handle is None else _handle(change.handle),
        display_name=None if change.display_name is None else _display_name(change.display_name),
        bio=None if change.bio is None else _bio(change.bio),
        avatar_uri=None if change.avatar_uri is None else _avatar(change.avatar_uri),
    )


def _handle(text: str) -> str:
    if _HANDLE.fullmatch(text) is None:
        raise InvalidArgument(
            "INVALID_HANDLE", "a handle has 3 to 30 letters a-z, digits and underscores", field="handle"
        )
    handle = text.lower()
    if handle in _RESERVED or handle.translate(_READ_AS) in _RESERVED:
        raise InvalidArgument("HANDLE_RESERVED", f"{handle} is reserved; choose another handle", field="handle")
    return handle


def _display_name(text: str) -> str:
    name = text.strip()
    if len(name) > NAME_LIMIT or not name.isprintable():
        raise InvalidArgument(
            "INVALID_DISPLAY_NAME",
            f"a display name is one line of at most {NAME_LIMIT} visible characters",
            field="display_name",
        )
    return name


def _bio(text: str) -> str:
    bio = text.strip()
    if len(bio) > BIO_LIMIT or not bio.replace("\n", "").isprintable():
        raise InvalidArgument("INVALID_BIO", f"a bio has at most {BIO_LIMIT} visible characters", field="bio")
    return bio


def _avatar(text: str) -> str:
    if text and (len(text) > AVATAR_LIMIT or _AVATAR.fullmatch(text) is None):
        raise InvalidArgument(
            "INVALID_AVATAR", f"an avatar is an ipfs:// or https:// URI of at most {AVATAR_LIMIT} characters",
            field="avatar_uri",
        )  # fmt: skip
    return text
