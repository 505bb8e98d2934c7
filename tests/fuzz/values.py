"""Values that no careful client sends: deep, huge, of the wrong type, in odd scripts; all from one source of chance."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

LEVELS = (3, 60, 150, 249, 251, 254, 256, 300, 900, 1023, 1025, 20_000)
"""Around what parsers and writers of JSON can do, and around Python's own stack."""

DIGITS = (9, 10, 19, 20, 78, 79, 400, 4299, 4301, 5000)
"""Around 32 and 64 bits, uint256, floats, and what Python turns into an `int`."""

TEXTS = (
    "", " ", "\0", "a\0b", "\n\r\t\x01\x1f\x7f", "\u202e\ufeff\u200b", "é" * 100, "\U0001f600" * 64, "e\u0301" * 50,
    "' OR 1=1 --", "{{7*7}}", "${x}", "%00%ff", "../../etc/passwd", "<script>", "null", "NaN", "-1", "0x", "٣", "1e999",
    "x" * 127, "x" * 129, "x" * 1025, "x" * 5000, "ipfs://", "http://[::1", "javascript:alert(1)", "a..b", "=" * 9,
    "WyJcdTAwMDAiXQ", "U2Vzc2lvbjphAGI", "Q2hhaW5FbmRwb2ludDoAAA", "WyIxIiwiMiIsIjMiXQ", "VG9rZW46eA", "eip155:1",
)  # fmt: skip
"""The ones in base64 are cursors and ids with something odd inside."""


class Raw(str):
    """JSON as it is to be sent; what no writer of JSON would make."""


class World(NamedTuple):
    """Things that exist, for requests that find something: addresses, and ids, cursors and URIs."""

    addresses: list[str]
    texts: list[str]


class Values:
    """Values by what they are for: mostly good, for one wrong value keeps a request from everything behind it."""

    def __init__(self, rng: random.Random, world: World) -> None:
        self.rng = rng
        self._known: dict[str, Sequence[str]] = {
            "ChainId": ["eip155:31337"],
            "Address": world.addresses,
            "Uint256": ["0", "1", "2", "3", str(2**256 - 1)],
            "DateTime": ["2026-11-22T09:30:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00"],
            "ID": world.texts,
            "String": [*world.texts, "light", "Local"],
        }
        self._made: dict[str, Callable[[], Any]] = {
            "Hash": lambda: "0x" + rng.randbytes(32).hex(),
            "Bytes": lambda: "0x" + rng.randbytes(rng.choice((0, 1, 64, 65, 200))).hex(),
            "Int": lambda: rng.choice((0, 1, 2, 20, 100, 101, 2**31 - 1)),
            "SafeInt": lambda: rng.choice((0, 1, 7, 2**53 - 1)),
            "Boolean": lambda: rng.random() < 0.5,
            "JSON": lambda: {"name": "fuzz", "attributes": [{"trait_type": "a", "value": 1}]},
            "Upload": lambda: None,
        }

    def scalar(self, name: str) -> Any:
        """A value for a scalar, one time in twelve of no use for it."""
        if self.rng.random() < 1 / 12:
            return self.odd()
        made = self._made.get(name)
        return made() if made else self.rng.choice(self._known.get(name, ["x"]))

    def odd(self) -> Any:
        """Anything, down to JSON that a careful server does not read."""
        return self.rng.choice((self.deep, self.number, self.text, self.text, self.small))()

    def text(self) -> str:
        """One of the odd texts, or some characters of all scripts."""
        if self.rng.random() < 0.8:
            return self.rng.choice(TEXTS)
        return "".join(
            chr(self.rng.choice((self.rng.randrange(0xD800), 0x10FFFF))) for _ in range(self.rng.randrange(40))
        )

    def number(self) -> Raw:
        """A number of up to thousands of digits, whole or not."""
        digits = str(self.rng.randint(1, 9)) * self.rng.choice(DIGITS)
        return Raw(self.rng.choice(("", "-")) + digits + self.rng.choice(("", "", "", ".5", "e5", "e999", "e-999")))

    def deep(self) -> Raw:
        """Lists or objects inside of one another."""
        levels = self.rng.choice(LEVELS)
        left, right = self.rng.choice((("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")))
        return Raw(left * levels + "1" + right * levels)

    def small(self) -> Any:
        """A short value of another type."""
        return self.rng.choice(
            (None, True, 0, -1, 1.5, [], {}, [None], [[]], {"": ""}, {"\0": 1}, ["x"] * 101, [1] * 1001)
        )


def encoded(value: Any) -> str:
    """JSON, with what is `Raw` as it is."""
    if isinstance(value, Raw):
        return value
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{encoded(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(encoded, value)) + "]"
    return json.dumps(value)
