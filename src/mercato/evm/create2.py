"""Where a collection will live, computed without asking a node."""

from __future__ import annotations

from mercato.kit.ids import Address, keccak256

_CLONE_HEAD = bytes.fromhex("3d602d80600a3d3981f3363d3d373d3d3d363d73")
_CLONE_TAIL = bytes.fromhex("5af43d82803e903d91602b57fd5bf3")


def predict_collection_address(factory: Address, implementation: Address, creator: Address, salt: bytes) -> Address:
    """The address `CollectionFactory` gives a collection of `creator` under `salt` (32 bytes).

    `implementation` is the factory's `implementation721()` or `implementation1155()`. The address is that
    of CREATE2 (EIP-1014) with the init code of a minimal proxy (EIP-1167), the CREATE2 salt being
    keccak256(abi.encode(creator, salt)). It does not depend on what the collection is made of.
    Raises `ValueError` when `salt` has not 32 bytes: callers make it, people do not type it.
    """
    if len(salt) != 32:
        raise ValueError(f"a salt has 32 bytes, not {len(salt)}")
    create2_salt = keccak256(creator.rjust(32, b"\0") + salt)
    init_code_hash = keccak256(_CLONE_HEAD + implementation + _CLONE_TAIL)
    return Address(keccak256(b"\xff" + factory + create2_salt + init_code_hash)[12:])
