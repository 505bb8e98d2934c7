"""What the collection tests create and sell: init values, mint terms, allowlists, one way to mint of both standards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

from contract_chain import ZERO, Chain, Contract, Receipt

from mercato.kit.ids import keccak256

WHOLE_COLLECTION = 2**256 - 1
SALT = bytes(range(32))
NAMES = ("Collection721", "Collection1155")
"""By `standard`, as CollectionCreated numbers them."""


@dataclass(frozen=True)
class Terms:
    """A MintConfig; the defaults are free, unlimited and open."""

    price: int = 0
    max_supply: int = 0
    per_wallet_limit: int = 0
    starts_at: int = 0
    ends_at: int = 0
    allowlist_root: bytes = bytes(32)
    payee: str = ZERO

    @property
    def abi(self) -> tuple[Any, ...]:
        return astuple(self)


@dataclass(frozen=True)
class Init:
    """A CollectionInit."""

    name: str = "Harbour Lights"
    symbol: str = "HARB"
    base_uri: str = "ipfs://lights/"
    contract_uri: str = "ipfs://harbour.json"
    royalty_receiver: str = ZERO
    royalty_bps: int = 0
    terms: Terms = Terms()

    @property
    def abi(self) -> tuple[Any, ...]:
        return astuple(self)


def create(factory: Contract, standard: int, creator: str, init: Init, salt: bytes = SALT) -> Contract:
    """A new collection of `creator`."""
    function = ("createCollection721", "createCollection1155")[standard]
    receipt = factory.send(function, salt, init.abi, sender=creator)
    return factory.chain.at(NAMES[standard], receipt.logs[0].args[0])


@dataclass(frozen=True)
class Sale:
    """A collection of either standard on sale; `token_id` counts in ERC-1155 only."""

    collection: Contract
    standard: int
    creator: str
    token_id: int = 7

    @property
    def chain(self) -> Chain:
        return self.collection.chain

    def mint(
        self, sender: str, quantity: int = 1, value: int = 0, proof: Sequence[bytes] = (), to: str | None = None
    ) -> Receipt:
        middle = () if self.standard == 0 else (self.token_id,)
        return self.collection.send("mint", to or sender, *middle, quantity, list(proof), sender=sender, value=value)

    def airdrop(self, sender: str, to: str, quantity: int = 1) -> Receipt:
        middle = () if self.standard == 0 else (self.token_id,)
        return self.collection.send("airdrop", to, *middle, quantity, sender=sender)

    def set_terms(self, terms: Terms) -> Receipt:
        """Of the whole collection."""
        scope = () if self.standard == 0 else (WHOLE_COLLECTION,)
        return self.collection.send("setMintConfig", *scope, terms.abi, sender=self.creator)

    def balance(self, account: str) -> int:
        middle = () if self.standard == 0 else (self.token_id,)
        return int(self.collection.call("balanceOf", account, *middle))

    def minted_by(self, account: str) -> int:
        scope = () if self.standard == 0 else (self.token_id,)
        return int(self.collection.call("mintedBy", *scope, account))

    def total_minted(self) -> int:
        scope = () if self.standard == 0 else (self.token_id,)
        return int(self.collection.call("totalMinted", *scope))


class Allowlist:
    """A Merkle tree in the OpenZeppelin form: leaves hashed twice, pairs hashed in sorted order."""

    def __init__(self, accounts: Sequence[str]) -> None:
        leaves = sorted(self.leaf(account) for account in accounts)
        self._levels = [leaves]
        while len(self._levels[-1]) > 1:
            level = self._levels[-1]
            pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
            self._levels.append([keccak256(b"".join(sorted(p))) if len(p) == 2 else p[0] for p in pairs])
        self.root = self._levels[-1][0]

    @staticmethod
    def leaf(account: str) -> bytes:
        return keccak256(keccak256(bytes.fromhex(account[2:]).rjust(32, b"\0")))

    def proof(self, account: str) -> list[bytes]:
        index, path = self._levels[0].index(self.leaf(account)), []
        for level in self._levels[:-1]:
            if (sibling := index ^ 1) < len(level):
                path.append(level[sibling])
            index //= 2
        return path


def with_terms(init: Init, **changes: Any) -> Init:
    """`init` with some of its mint terms changed."""
    return replace(init, terms=replace(init.terms, **changes))
