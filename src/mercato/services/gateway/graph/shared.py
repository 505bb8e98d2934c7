"""Answers to an event that are the same for everybody who asked the same, rendered once."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import orjson

from mercato.services.gateway.graph.context import Context

_MOST_KEPT = 512

Key = tuple[int, int, bytes]


class EventContext:
    """The context of one event. It is made when a resolver first asks for anything of it; `asked` tells whether one
    did: if not, the answer follows from the event, the document and the variables alone."""

    def __init__(self, subscription: Context) -> None:
        self.asked = False
        self._subscription = subscription

    def __getattr__(self, name: str) -> Any:
        """Comes here for what is not there yet, so once for each name."""
        if not self.asked:
            self.asked = True
            self._real = self._subscription.for_event()
        return getattr(self._real, name)


class SharedAnswers:
    """The rendered answers of the last events, by plan, event and variables."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, tuple[object, object, bytes]] = OrderedDict()

    def find(self, plan: object, event: object, variables: bytes) -> bytes | None:
        """The JSON of an answer that was kept."""
        kept = self._kept.get((id(plan), id(event), variables))
        return kept[2] if kept is not None else None

    def keep(self, plan: object, event: object, variables: bytes, answer: bytes) -> None:
        """Plan and event are kept too, so that nothing else gets their ids meanwhile."""
        self._kept[id(plan), id(event), variables] = (plan, event, answer)
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)


def key_of(variables: object) -> bytes:
    """Equal for equal variables."""
    return orjson.dumps(variables, option=orjson.OPT_SORT_KEYS)
