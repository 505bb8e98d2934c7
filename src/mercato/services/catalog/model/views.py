"""What is read back: rows as readers see them, and what may be asked of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Generic, NamedTuple, TypeVar

from mercato.kit.errors import InvalidArgument
from mercato.kit.finality import Finality
from mercato.kit.ids import Address, ChainId
from mercato.services.catalog.model.facts import MintTerms, Position, Standard

MAX_KEYS = 500
MAX_OWNERS = 100
MAX_TRAIT_FILTERS = 10
MAX_TRAIT_VALUES = 50
MAX_NAME = 100

HEIGHT_BITS, FORK_BITS = 40, 8
"""How a block's key is made; see the `blocks` table."""


def block_number(block_ref: int) -> int:
    """The height inside a block's key."""
    return (block_ref >> FORK_BITS) & ((1 << HEIGHT_BITS) - 1)


class Binding(NamedTuple):
    """How a contract came to be a collection: "factory", "import", or only "seen" in a transfer."""

    kind: str
    source: bytes
    tx_hash: bytes
    block_number: int


class Role(NamedTuple):
    role: bytes
    account: bytes


class CollectionView(NamedTuple):
    ref: int
    chain: ChainId
    contract: Address
    standard: Standard
    name: str
    symbol: str
    base_uri: str
    contract_uri: str
    creator: bytes
    owner: bytes
    royalty_receiver: bytes
    royalty_bps: int
    mint_terms: MintTerms | None
    roles: Sequence[Role]
    bindings: Sequence[Binding]
    token_count: int
    supply: int
    holder_count: int
    created_at: datetime | None


class TokenColumns(NamedTuple):
    """Tokens column by column, in the order of the statement that selects them: entry n of a column is about token n.

    Owners are empty for ERC-1155, and the zero address once burned; supplies are decimal text; a block of 0 means that
    history starts after the mint; times are Unix seconds, 0 for unknown. Traits and flags of all tokens stand one after
    the other, each with the place of its token.
    """

    refs: Sequence[int] = ()
    chain_numbers: Sequence[int] = ()
    contracts: Sequence[bytes] = ()
    standards: Sequence[int] = ()
    token_ids: Sequence[str] = ()
    owners: Sequence[bytes] = ()
    supplies: Sequence[str] = ()
    uris: Sequence[str] = ()
    names: Sequence[str] = ()
    descriptions: Sequence[str] = ()
    images: Sequence[str] = ()
    animation_urls: Sequence[str] = ()
    metadata_states: Sequence[str] = ()
    minted_blocks: Sequence[int] = ()
    minted_at: Sequence[int] = ()
    trait_places: Sequence[int] = ()
    trait_names: Sequence[str] = ()
    trait_values: Sequence[str] = ()
    flag_places: Sequence[int] = ()
    flags: Sequence[str] = ()

    def first(self, size: int) -> TokenColumns:
        """The first `size` tokens."""
        if len(self.token_ids) <= size:
            return self
        columns = {name: getattr(self, name)[:size] for name in _OF_EACH_TOKEN}
        traits, flags = bisect_left(self.trait_places, size), bisect_left(self.flag_places, size)
        return TokenColumns(
            **columns,
            trait_places=self.trait_places[:traits],
            trait_names=self.trait_names[:traits],
            trait_values=self.trait_values[:traits],
            flag_places=self.flag_places[:flags],
            flags=self.flags[:flags],
        )


_OF_EACH_TOKEN = TokenColumns._fields[: TokenColumns._fields.index("trait_places")]


class BalanceView(NamedTuple):
    collection_ref: int
    chain: ChainId
    contract: Address
    token_id: str
    owner: bytes
    amount: int
    updated_block: int


class Kind(Enum):
    """What happened."""

    COLLECTION_CREATED = "collection_created"
    MINT = "mint"
    TRANSFER = "transfer"
    BURN = "burn"


class Event(NamedTuple):
    """A movement, or something else that happened to a collection; `token_id` is empty where it is about the whole of
    it."""

    block_ref: int
    chain: ChainId
    contract: Address
    kind: Kind
    token_id: str
    sender: bytes | None
    recipient: bytes | None
    operator: bytes | None
    amount: int | None
    position: Position


class ReadPoint(NamedTuple):
    """Every fact up to this block is in the rows, and none of a branch that it is not on. `safe` and `finalized` are
    the newest blocks of that finality, None where nothing is known since a fork."""

    chain: ChainId
    block_number: int
    block_hash: bytes
    observed_at: datetime
    block_time: datetime | None
    safe: int | None
    finalized: int | None

    @property
    def finality(self) -> Finality:
        """Of the block itself."""
        return Finality.of(self.block_number, self.safe, self.finalized)


R = TypeVar("R")


@dataclass(frozen=True)
class Found(Generic[R]):
    """Rows and, of the chains they speak about, the read points they are true at."""

    rows: Sequence[R]
    at: Sequence[ReadPoint]


class FoundTokens(NamedTuple):
    """Tokens, and the read points they are true at."""

    columns: TokenColumns
    at: Sequence[ReadPoint]


class Moderation(NamedTuple):
    """A flag that was put up or given another reason (`raised`), or taken off; `done_by` is a user id or a program's
    name."""

    id: int
    flag: str
    raised: bool
    reason: str
    done_by: str
    at: datetime


class TokenPage(NamedTuple):
    """A page of them."""

    columns: TokenColumns
    at: Sequence[ReadPoint]
    has_next: bool


@dataclass(frozen=True)
class Page(Found[R]):
    has_next: bool

    @classmethod
    def of(cls, found: Found[R], size: int) -> Page[R]:
        """From up to `size` + 1 rows."""
        return cls(found.rows[:size], found.at, len(found.rows) > size)


@dataclass(frozen=True)
class Scope:
    """What part of the market: all, a chain, a contract, a token. Raises `InvalidArgument` CHAIN_REQUIRED or
    CONTRACT_REQUIRED where a narrower thing is named without the wider one it belongs to."""

    chain: ChainId | None = None
    contract: Address | None = None
    token_id: str | None = None

    def __post_init__(self) -> None:
        if self.contract is not None and self.chain is None:
            raise InvalidArgument("CHAIN_REQUIRED", "a contract is named together with its chain")
        if self.token_id is not None and self.contract is None:
            raise InvalidArgument("CONTRACT_REQUIRED", "a token id is named together with its contract")

    @property
    def chains(self) -> Sequence[ChainId]:
        """Those it is limited to; none: all of them."""
        return () if self.chain is None else (self.chain,)


@dataclass(frozen=True)
class CollectionFilter:
    scope: Scope
    creator: Address | None
    owner: Address | None
    standard: Standard
    name_contains: str

    def __post_init__(self) -> None:
        if len(self.name_contains) > MAX_NAME:
            raise InvalidArgument("NAME_TOO_LONG", f"ask for at most {MAX_NAME} characters of a name")


class TraitFilter(NamedTuple):
    """Tokens whose trait `name` has one of `values`."""

    name: str
    values: Sequence[str]


@dataclass(frozen=True)
class TokenFilter:
    """Raises `InvalidArgument` CONTRACT_REQUIRED or TOO_MANY_TRAITS."""

    scope: Scope
    owner: Address | None
    traits: Sequence[TraitFilter]

    def __post_init__(self) -> None:
        if self.traits and self.scope.contract is None:
            raise InvalidArgument("CONTRACT_REQUIRED", "traits mean something within one contract; name it")
        if len(self.traits) > MAX_TRAIT_FILTERS or any(len(t.values) > MAX_TRAIT_VALUES for t in self.traits):
            raise InvalidArgument(
                "TOO_MANY_TRAITS", f"at most {MAX_TRAIT_FILTERS} traits of at most {MAX_TRAIT_VALUES} values each"
            )


@dataclass(frozen=True)
class BalanceFilter:
    """Raises `InvalidArgument` FILTER_REQUIRED or TOO_MANY_OWNERS."""

    scope: Scope
    owners: Sequence[Address]

    def __post_init__(self) -> None:
        if self.scope.contract is None and not self.owners:
            raise InvalidArgument("FILTER_REQUIRED", "name a contract or at least one owner")
        if len(self.owners) > MAX_OWNERS:
            raise InvalidArgument("TOO_MANY_OWNERS", f"ask for at most {MAX_OWNERS} owners at once")


@dataclass(frozen=True)
class EventFilter:
    """No kinds: all of them."""

    scope: Scope
    account: Address | None
    kinds: frozenset[Kind]


TokenCursor = tuple[int, str]
BalanceCursor = tuple[int, str, bytes]
EventCursor = tuple[int, int, int, int]
"""Unix seconds of the block, its key, log index, batch index."""
