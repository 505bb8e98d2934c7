"""A collection as a writer holds it, and the place of a fact about it."""

from __future__ import annotations

from typing import NamedTuple

from mercato.kit.ids import keccak256
from mercato.services.catalog.model.facts import Standard

Place = tuple[int, int, int]
"""Where a fact about a collection stands: (collection_ref, block_ref, log_index)."""

ROLE_NAMES = {bytes(32): "DEFAULT_ADMIN_ROLE"} | {
    keccak256(name.encode()): name for name in ("MINTER_ROLE", "METADATA_ROLE")
}
"""OpenZeppelin AccessControl: a role is the keccak of its name, the admin's is zero."""


class LockedCollection(NamedTuple):
    """A collection that a transaction holds: nobody else writes to it meanwhile."""

    ref: int
    contract: bytes
    standard: Standard
    followed: bool
    name: str
    creator: bytes | None
    token_count: int
