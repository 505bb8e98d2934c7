"""Transactions of an imagined chain, about so few contracts, tokens and accounts that they meet."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from mercato.evm import topics
from mercato.evm.abi import encode
from mercato.kit.ids import UINT256_MAX, Address, keccak256


def address(name: str) -> Address:
    return Address(keccak256(name.encode())[:20])


FACTORY = address("factory")
MARKET = address("market")
COLLECTIONS = (address("cats"), address("cards"))
STRANGER = address("a contract nobody follows")
PEOPLE = tuple(address(name) for name in ("ann", "bob", "cyd"))
NOBODY = bytes(20)
WHOLE = UINT256_MAX
_ROLES = (bytes(32), keccak256(b"MINTER_ROLE"))


@dataclass(frozen=True)
class Log:
    """What a contract logged, wherever it is mined."""

    contract: bytes
    topics: tuple[str, ...]
    data: bytes = b""
    created: bytes | None = None
    """The collection that came to be with it."""


@dataclass(frozen=True)
class Transaction:
    """The same hash and logs in whichever block it stands."""

    hash: bytes
    logs: tuple[Log, ...]


class Pool:
    """Makes transactions, each different from all before."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._made = 0

    def take(self) -> Transaction:
        """A new one, with one to three logs."""
        self._made += 1
        logs = tuple(self._log() for _ in range(self._draw.choice((1, 1, 2, 3))))
        return Transaction(keccak256(b"transaction %d" % self._made), logs)

    def _log(self) -> Log:
        kinds: tuple[tuple[Callable[[], Log], int], ...] = (
            (self._created, 7), (self._single_721, 8), (self._single_1155, 5), (self._batch_1155, 3), (self._range, 2),
            (self._approval, 3), (self._approval_for_all, 3), (self._role, 2), (self._owner, 2), (self._terms, 1),
            (self._royalty, 1), (self._refresh, 1), (self._noise, 1), (self._traded, 1),
        )  # fmt: skip
        makers, weights = zip(*kinds, strict=True)
        (maker,) = self._draw.choices(makers, weights)
        return maker()

    def _created(self) -> Log:
        which = self._draw.randrange(2)
        words = (topics.COLLECTION_CREATED, _word(COLLECTIONS[which]), _word(self._someone()), _word(which))
        texts = [self._draw.choice(("Cats", "Dogs")), "SYM", "ipfs://base/", "ipfs://contract"]
        data = encode(("bytes32", "string", "string", "string", "string"), [bytes(32), *texts])
        return Log(FACTORY, words, data, COLLECTIONS[which])

    def _single_721(self) -> Log:
        return Log(self._somewhere(), (topics.TRANSFER, *map(_word, self._from_to()), _word(self._draw.randint(1, 3))))

    def _single_1155(self) -> Log:
        words = (topics.TRANSFER_SINGLE, _word(self._someone()), *map(_word, self._from_to()))
        return Log(self._somewhere(), words, _numbers(self._draw.randint(1, 3), self._draw.randint(0, 3)))

    def _batch_1155(self) -> Log:
        count = self._draw.randint(0, 3)
        ids = [self._draw.randint(1, 3) for _ in range(count)]
        amounts = [self._draw.randint(0, 3) for _ in range(count)]
        words = (topics.TRANSFER_BATCH, _word(self._someone()), *map(_word, self._from_to()))
        return Log(self._somewhere(), words, encode(("uint256[]", "uint256[]"), [ids, amounts]))

    def _range(self) -> Log:
        first = self._draw.randint(1, 3)
        words = (topics.CONSECUTIVE_TRANSFER, _word(first), *map(_word, self._from_to()))
        return Log(self._somewhere(), words, _numbers(first + self._draw.randint(0, 3)))

    def _approval(self) -> Log:
        operator = self._draw.choice((*PEOPLE, NOBODY))
        words = (topics.APPROVAL, _word(self._someone()), _word(operator), _word(self._draw.randint(1, 2)))
        return Log(self._somewhere(), words)

    def _approval_for_all(self) -> Log:
        words = (topics.APPROVAL_FOR_ALL, _word(self._someone()), _word(self._someone()))
        return Log(self._somewhere(), words, _numbers(self._draw.randint(0, 1)))

    def _role(self) -> Log:
        topic = self._draw.choice((topics.ROLE_GRANTED, topics.ROLE_REVOKED))
        words = (topic, _word(self._draw.choice(_ROLES)), _word(self._someone()), _word(self._someone()))
        return Log(self._somewhere(), words)

    def _owner(self) -> Log:
        return Log(self._somewhere(), (topics.OWNERSHIP_TRANSFERRED, _word(self._someone()), _word(self._someone())))

    def _terms(self) -> Log:
        kinds = ("uint128", "uint64", "uint32", "uint64", "uint64", "bytes32", "address")
        values = [self._draw.randint(0, 9), 100, 5, 0, 0, bytes(32), self._someone()]
        token = self._draw.choice((1, WHOLE))
        return Log(self._somewhere(), (topics.MINT_CONFIG_SET, _word(token)), encode(kinds, values))

    def _royalty(self) -> Log:
        values = [self._someone(), self._draw.randint(0, 1000)]
        return Log(self._somewhere(), (topics.DEFAULT_ROYALTY_SET,), encode(("address", "uint96"), values))

    def _refresh(self) -> Log:
        return Log(self._somewhere(), (topics.BATCH_METADATA_UPDATE,), _numbers(1, self._draw.choice((2, WHOLE))))

    def _noise(self) -> Log:
        """ERC-20, and a transfer that breaks its layout."""
        words = (topics.TRANSFER, *map(_word, self._from_to()))
        return Log(STRANGER, words, _numbers(5) if self._draw.random() < 0.5 else b"\1")

    def _traded(self) -> Log:
        return Log(MARKET, (topics.COUNTER_INCREMENTED, _word(self._someone())), _numbers(self._draw.randint(1, 9)))

    def _somewhere(self) -> bytes:
        return self._draw.choice((*COLLECTIONS, *COLLECTIONS, STRANGER))

    def _someone(self) -> Address:
        return self._draw.choice(PEOPLE)

    def _from_to(self) -> tuple[bytes, bytes]:
        """A mint, a transfer or a burn."""
        kind = self._draw.random()
        return (NOBODY if kind < 0.4 else self._someone(), NOBODY if kind > 0.85 else self._someone())


def _word(value: int | bytes) -> str:
    return "0x" + (value if isinstance(value, bytes) else value.to_bytes(32, "big")).rjust(32, b"\0").hex()


def _numbers(*values: int) -> bytes:
    return b"".join(value.to_bytes(32, "big") for value in values)
