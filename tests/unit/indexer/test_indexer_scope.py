"""Whose logs count."""

from __future__ import annotations

from indexer_samples import log, word

from mercato.evm import topics
from mercato.kit.ids import Address
from mercato.services.indexer.model.scope import ALL_TOPICS, Scope

FACTORY, COLLECTION, STRANGER, MARKET = (bytes([n]) * 20 for n in (0xFA, 0xC0, 0x55, 0x5E))


def _text(raw: bytes) -> str:
    return "0x" + raw.hex()


CREATED = (topics.COLLECTION_CREATED, word(COLLECTION), word(1), word(0))
TRANSFER = (topics.TRANSFER, word(1), word(2), word(3))
OWNER = (topics.OWNERSHIP_TRANSFERRED, word(1), word(2))


def _scope(*, everything: bool, collections: set[str] | None = None) -> Scope:
    return Scope(everything, frozenset({_text(FACTORY)}), frozenset({_text(MARKET)}), collections or set())


def test_only_a_registered_factory_creates_collections() -> None:
    logs = [log(CREATED, address=FACTORY, block=7), log(CREATED, address=STRANGER, block=8)]
    for everything in (True, False):
        scope = _scope(everything=everything)
        assert scope.created(logs) == {_text(COLLECTION): 7}
        assert scope.admitted(logs) == [logs[0]]


def test_a_followed_scope_admits_its_collections_and_markets_only() -> None:
    logs = [log(TRANSFER, address=a) for a in (COLLECTION, STRANGER, MARKET)]
    scope = _scope(everything=False, collections={_text(COLLECTION)})
    assert scope.admitted(logs) == [logs[0], logs[2]]
    assert scope.addresses() == [Address(a) for a in (MARKET, COLLECTION, FACTORY)]


def test_the_scope_of_everything_admits_every_token_but_only_our_collections_owners() -> None:
    logs = [
        log(TRANSFER, address=STRANGER),
        log(OWNER, address=STRANGER),
        log(OWNER, address=COLLECTION),
        log(()),
    ]
    scope = _scope(everything=True, collections={_text(COLLECTION)})
    assert scope.admitted(logs) == [logs[0], logs[2]]


def test_a_scope_is_empty_until_there_is_something_to_follow() -> None:
    assert Scope(everything=False, factories=frozenset()).empty
    assert not Scope(everything=True, factories=frozenset()).empty
    assert not Scope(everything=False, factories=frozenset(), collections={_text(COLLECTION)}).empty
    assert not _scope(everything=False).empty


def test_every_known_topic_is_asked_for_once() -> None:
    assert len(ALL_TOPICS) == len(set(ALL_TOPICS)) == 21
