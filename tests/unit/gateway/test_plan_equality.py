"""The compiled plan answers like graphql-core, whatever the document, the data and what fails.

Data are equal to the last key, in the order of the document. Errors have no order in the specification, and are
compared without one. Each failure makes a null somewhere: where it happened, or, if null may not stand there, at the
nearest place around it. Where it happened: both executors tell the same errors. Around it: the specification lets an
executor drop what else failed inside (graphql-core tells what it had met until then); the plan tells exactly one,
graphql-core at least one, and all are among the failures that graphql-core meets when nothing is dropped but what is
inside a list that broke off.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from graphql import ExecutionResult
from hypothesis import given, settings
from plan_world import ASKED, ROOTS, Answers, Asked, Thing, answers, entry, is_valid

Told = tuple[Any, ...]


@settings(max_examples=300, deadline=None)
@given(question=ASKED, root=ROOTS)
async def test_both_executors_answer_the_same(question: Asked, root: Thing) -> None:
    assert is_valid(question.query), question.query
    await check(question, root)


async def check(question: Asked, root: Thing) -> None:
    found = await answers(question, root)
    assert repr(found.plan.data) == repr(found.reference.data)
    if question.variables.get("no", False) is None:  # no plan has a place for it: the reference executor answers
        assert Counter(map(entry, found.plan.errors or [])) == Counter(map(entry, found.reference.errors or []))
        return
    ours, theirs = _by_null(found.plan), _by_null(found.reference)
    assert ours.keys() == theirs.keys()
    for null, told in theirs.items():
        _check_null(null, ours[null], told, found)


def _check_null(null: Told, ours: list[Told], theirs: list[Told], found: Answers) -> None:
    if all(error[0] == null for error in [*ours, *theirs]):
        assert Counter(ours) == Counter(theirs)
    else:
        assert len(ours) == 1
        assert all(_could_be_told(error, found.every_failure) for error in [*ours, *theirs])


def _could_be_told(error: Told, every: list[Told]) -> bool:
    """It is one of all failures, or inside a list that broke off: then what its items met may be dropped as well."""
    around = {failure[0] for failure in every}
    return error in every or any(error[0][:depth] in around for depth in range(len(error[0])))


def _by_null(result: ExecutionResult) -> dict[Told, list[Told]]:
    """Errors by the place in the answer that they made null."""
    found: dict[Told, list[Told]] = defaultdict(list)
    for error in result.errors or []:
        told = entry(error)
        found[_null_around(result.data, told[0])].append(told)
    return found


def _null_around(data: Any, path: Told) -> Told:
    for depth, key in enumerate(path):
        if data is None:
            return path[:depth]
        data = data[key]
    assert data is None
    return path
