"""What a write makes of a chain, which writes its present state forbids, and what the audit tells of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mercato.kit.errors import Conflict, FailedPrecondition, MercatoError, NotFound
from mercato.kit.ids import Address, ChainId
from mercato.services.chains.model.audit import difference
from mercato.services.chains.model.chains import (
    CAREFUL_POLICY,
    Chain,
    ChainSpec,
    Contract,
    Endpoint,
    IndexScope,
)
from mercato.services.chains.model.edits import (
    Edit,
    HeaderChange,
    PutContract,
    PutEndpoint,
    PutGasPolicy,
    PutSpec,
    RemoveContract,
    RemoveEndpoint,
    SetEnabled,
    check_version,
)

FIVE = ChainId(5)
SPEC = ChainSpec(FIVE, "Five", "ETH", 18, "", True, IndexScope.FOLLOWED, 0)
NODE = Endpoint("https://node.example/v1/0123456789abcdef", 0, 1, {"Authorization": "Bearer x", "X-Team": "t"})
SPARE = Endpoint("https://spare.example", 1, 1, {})
FACTORY = Contract("factory", Address(b"\x01" * 20), 3)
CONDUIT = Contract("conduit", Address(b"\x02" * 20), 4)
CHAIN = Chain(SPEC, 7, (NODE, SPARE), (FACTORY, CONDUIT), CAREFUL_POLICY)


@pytest.mark.parametrize(
    "edit",
    [
        PutSpec(SPEC),
        SetEnabled(FIVE, True),
        PutEndpoint(FIVE, NODE, HeaderChange.REPLACE),
        PutEndpoint(FIVE, replace(NODE, headers={}), HeaderChange.KEEP),
        PutContract(FIVE, FACTORY),
        PutGasPolicy(FIVE, CAREFUL_POLICY),
    ],
)
def test_a_write_of_what_is_there_changes_nothing(edit: Edit) -> None:
    assert edit.apply(CHAIN) == CHAIN


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (SetEnabled(FIVE, False), replace(CHAIN, spec=replace(SPEC, enabled=False))),
        (RemoveEndpoint(FIVE, NODE.id), replace(CHAIN, endpoints=(SPARE,))),
        (
            PutEndpoint(FIVE, replace(SPARE, weight=9), HeaderChange.KEEP),
            replace(CHAIN, endpoints=(NODE, replace(SPARE, weight=9))),
        ),
        (
            PutEndpoint(FIVE, replace(NODE, headers={}), HeaderChange.REPLACE),
            replace(CHAIN, endpoints=(SPARE, replace(NODE, headers={}))),
        ),
        (
            PutContract(FIVE, replace(FACTORY, address=Address(b"\x09" * 20))),
            replace(CHAIN, contracts=(CONDUIT, replace(FACTORY, address=Address(b"\x09" * 20)))),
        ),
        (
            PutContract(FIVE, replace(CONDUIT, address=Address(b"\x09" * 20))),
            replace(CHAIN, contracts=(FACTORY, CONDUIT, replace(CONDUIT, address=Address(b"\x09" * 20)))),
        ),
        (RemoveContract(FIVE, "conduit", CONDUIT.address), replace(CHAIN, contracts=(FACTORY,))),
        (
            PutGasPolicy(FIVE, replace(CAREFUL_POLICY, finality_depth=65)),
            replace(CHAIN, gas_policy=replace(CAREFUL_POLICY, finality_depth=65)),
        ),
    ],
)
def test_a_write_changes_what_it_names(edit: Edit, expected: Chain) -> None:
    assert edit.apply(CHAIN) == expected


def test_headers_that_stay_are_joined_by_what_the_url_gave() -> None:
    edit = PutEndpoint(FIVE, replace(NODE, headers={"Authorization": "Basic y"}), HeaderChange.KEEP)
    assert edit.completed(CHAIN).headers == {"Authorization": "Basic y", "X-Team": "t"}


def test_a_header_that_the_url_gave_replaces_the_one_of_that_name() -> None:
    stored = replace(NODE, headers={"authorization": "Bearer x"})
    edit = PutEndpoint(FIVE, replace(NODE, headers={"Authorization": "Basic y"}), HeaderChange.KEEP)
    assert edit.completed(replace(CHAIN, endpoints=(stored,))).headers == {"Authorization": "Basic y"}


SOCKET = "wss://announce.node.example/0123456789abcdef"
ANNOUNCING = replace(NODE, ws_url=SOCKET)


@pytest.mark.parametrize(
    "ws_url",
    [
        "wss://mine.example",
        "wss://node.example.mine.example",
        "wss://node.example:8546",
        "ws://node.example/v1/0123456789abcdef",
        "ws://announce.node.example/0123456789abcdef",
        "wss://announce.node.example:444/0123456789abcdef",
    ],
)
def test_headers_that_stay_are_not_sent_to_an_origin_that_never_had_them(ws_url: str) -> None:
    chain = replace(CHAIN, endpoints=(ANNOUNCING, SPARE))
    bare = replace(NODE, headers={}, ws_url=ws_url)
    edit = PutEndpoint(FIVE, bare, HeaderChange.KEEP)
    for attempt in (edit.completed, edit.apply):
        with pytest.raises(FailedPrecondition) as caught:
            attempt(chain)
        assert caught.value.reason == "ENDPOINT_HEADERS_NEEDED"
    given = replace(bare, headers={"X-Team": "new"})
    assert PutEndpoint(FIVE, given, HeaderChange.REPLACE).completed(chain) == given
    without = replace(CHAIN, endpoints=(replace(ANNOUNCING, headers={}), SPARE))
    assert edit.completed(without) == bare


@pytest.mark.parametrize(
    "ws_url", ["", SOCKET, "wss://announce.node.example/other", "wss://node.example", "wss://NODE.example:443/v1/x"]
)
def test_headers_stay_where_they_go_already(ws_url: str) -> None:
    chain = replace(CHAIN, endpoints=(ANNOUNCING, SPARE))
    edit = PutEndpoint(FIVE, replace(NODE, headers={}, ws_url=ws_url), HeaderChange.KEEP)
    assert edit.completed(chain) == replace(NODE, ws_url=ws_url)


def test_an_endpoint_of_an_older_spelling_becomes_the_one_that_is_put() -> None:
    stored = replace(NODE, url="https://Node.example:443/v1/./0123456789abcdef#x")
    chain = replace(CHAIN, endpoints=(stored, SPARE))
    edit = PutEndpoint(FIVE, replace(NODE, headers={}, weight=5), HeaderChange.KEEP)
    assert edit.apply(chain).endpoints == (SPARE, replace(NODE, weight=5))
    twice = replace(CHAIN, endpoints=(replace(stored, headers={"X-Team": "old"}), NODE))
    assert edit.apply(twice).endpoints == (replace(NODE, weight=5),)


def test_a_new_chain_has_a_careful_policy() -> None:
    assert PutSpec(SPEC).apply(None) == Chain(SPEC, 0, (), (), CAREFUL_POLICY)


ALONE = replace(CHAIN, endpoints=(NODE,))
LOWER = replace(CAREFUL_POLICY, finality_depth=63)


@pytest.mark.parametrize(
    ("edit", "chain", "kind", "reason"),
    [
        (SetEnabled(FIVE, False), None, NotFound, "CHAIN_UNKNOWN"),
        (RemoveEndpoint(FIVE, "nobody"), CHAIN, NotFound, "ENDPOINT_UNKNOWN"),
        (RemoveEndpoint(FIVE, NODE.id), ALONE, FailedPrecondition, "LAST_ENDPOINT"),
        (RemoveContract(FIVE, "factory", CONDUIT.address), CHAIN, NotFound, "CONTRACT_UNKNOWN"),
        (PutGasPolicy(FIVE, LOWER), CHAIN, FailedPrecondition, "FINALITY_DEPTH_UNSAFE"),
    ],
)
def test_a_write_that_the_state_forbids_is_refused(
    edit: Edit, chain: Chain | None, kind: type[MercatoError], reason: str
) -> None:
    with pytest.raises(kind) as caught:
        edit.apply(chain)
    assert caught.value.reason == reason


def test_a_disabled_chain_may_lose_its_last_endpoint_and_lower_its_depth() -> None:
    disabled = replace(ALONE, spec=replace(SPEC, enabled=False))
    assert RemoveEndpoint(FIVE, NODE.id).apply(disabled).endpoints == ()
    assert PutGasPolicy(FIVE, LOWER).apply(disabled).gas_policy == LOWER
    nowhere = replace(CHAIN, endpoints=())
    assert PutGasPolicy(FIVE, LOWER).apply(nowhere).gas_policy == LOWER


def test_an_expected_version_must_be_the_present_one() -> None:
    check_version(FIVE, CHAIN, None)
    check_version(FIVE, CHAIN, 7)
    check_version(FIVE, None, 0)
    for chain, expected, present in ((CHAIN, 6, "7"), (CHAIN, 0, "7"), (None, 1, "0")):
        with pytest.raises(Conflict) as caught:
            check_version(FIVE, chain, expected)
        assert (caught.value.reason, caught.value.details["version"]) == ("CHAIN_CHANGED", present)


def test_the_audit_tells_what_differs() -> None:
    after = replace(
        CHAIN, spec=replace(SPEC, name="Cinq"), contracts=(FACTORY,),
        gas_policy=replace(CAREFUL_POLICY, confirmations=3),
    )  # fmt: skip
    gone = {"kind": "conduit", "address": CONDUIT.address.checksum, "deployedBlock": 4}
    assert difference(CHAIN, after) == (
        {"chain": {"name": "Five"}, "contracts": [gone], "gasPolicy": {"confirmations": 2}},
        {"chain": {"name": "Cinq"}, "gasPolicy": {"confirmations": 3}},
    )


def test_the_audit_names_headers_and_never_their_values() -> None:
    changed = replace(NODE, headers={"Authorization": "Bearer y", "X-Team": "t"})
    before, after = difference(CHAIN, replace(CHAIN, endpoints=(changed, SPARE)))
    assert before is None
    told = {
        "id": NODE.id, "url": "https://node.example/v1/***", "wsUrl": "", "priority": 0, "weight": 1,
        "headers": ["Authorization", "X-Team"],
    }  # fmt: skip
    assert after == {"endpoints": [{**told, "changedHeaders": ["Authorization"]}]}
    whole_before, whole = difference(None, CHAIN)
    assert whole_before is None
    assert whole is not None
    assert told in whole["endpoints"]
    assert "Bearer" not in str(whole)
    assert "0123456789abcdef" not in str(whole)
