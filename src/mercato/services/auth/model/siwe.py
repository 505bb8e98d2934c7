"""The Sign-In with Ethereum message (EIP-4361): parsed by its grammar, rendered to the same bytes.

The line structure, which the template of the seed shows with a statement present::

    [scheme://]{domain} wants you to sign in with your Ethereum account:
    {address}
                                  ← always empty
    [{statement}]                 ← an absent statement takes its line break with it
                                  ← always empty
    URI: {uri}
    Version: 1
    …

So with a statement there is one empty line before and one after it; with none there are two empty lines between
address and URI (``\\n\\n\\n``); an empty statement, which the grammar tells apart from an absent one, makes three. The
optional lines from ``Expiration Time`` on, each led by its line break, are there or not there as a whole; no line
break ends the message.

Two texts never stand for one message: where the grammar leaves a choice (leading zeros of the chain id, case of the
address) one form is legal here, the plain number and EIP-55. Hence ``parse(render(m)) == m`` and
``render(parse(t)) == t``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import MAX_CHAIN_NUMBER, Address, ChainId
from mercato.services.auth.model import rfc3986

_HEADER = " wants you to sign in with your Ethereum account:"
_VERSION = "1"
_STATEMENT = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;= ]*")
_NONCE = re.compile(r"[A-Za-z0-9]{8,}")
_CHAIN = re.compile(r"[1-9][0-9]{0,15}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


@dataclass(frozen=True)
class SiweMessage:
    """A message whose every field is legal; making another raises `InvalidArgument` SIWE_MALFORMED with its `field`.

    Times are RFC 3339 texts, as they are signed; `moment` reads them. `statement`, `request_id` and `resources` are
    None when absent, which differs from empty.
    """

    domain: str
    address: Address
    uri: str
    chain: ChainId
    nonce: str
    issued_at: str
    statement: str | None = None
    scheme: str | None = None
    expiration_time: str | None = None
    not_before: str | None = None
    request_id: str | None = None
    resources: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        self._check_origin()
        if not rfc3986.is_uri(self.uri):
            raise _malformed("uri", "must be an RFC 3986 URI with a scheme")
        if _NONCE.fullmatch(self.nonce) is None:
            raise _malformed("nonce", "must be at least 8 letters and digits")
        for field in ("issued_at", "expiration_time", "not_before"):
            text = getattr(self, field)
            if text is not None and rfc3986.parse_date_time(text) is None:
                raise _malformed(field, "must be an RFC 3339 date-time such as 2026-01-31T12:00:00Z")
        if self.request_id is not None and not rfc3986.is_pchars(self.request_id):
            raise _malformed("request_id", "may hold RFC 3986 path characters only")
        for resource in self.resources or ():
            _check_resource(resource)

    def _check_origin(self) -> None:
        if self.scheme is not None and not rfc3986.is_scheme(self.scheme):
            raise _malformed("scheme", "must be an RFC 3986 scheme such as https")
        if not rfc3986.is_authority(self.domain):
            raise _malformed("domain", "must be an RFC 3986 authority such as example.com:8080")
        if self.statement is not None and _STATEMENT.fullmatch(self.statement) is None:
            raise _malformed("statement", "may hold letters, digits, spaces and -._~:/?#[]@!$&'()*+,;= only")


def moment(text: str) -> datetime:
    """The UTC time of one of a message's time fields."""
    found = rfc3986.parse_date_time(text)
    if found is None:
        raise _malformed("time", "must be an RFC 3339 date-time")
    return found


def render(message: SiweMessage) -> str:
    """The text to sign, byte for byte the template in this module's head."""
    origin = message.domain if message.scheme is None else f"{message.scheme}://{message.domain}"
    lines = [f"{origin}{_HEADER}", message.address.checksum, ""]
    if message.statement is not None:
        lines.append(message.statement)
    lines += [
        "",
        f"URI: {message.uri}",
        f"Version: {_VERSION}",
        f"Chain ID: {int(message.chain)}",
        f"Nonce: {message.nonce}",
        f"Issued At: {message.issued_at}",
    ]
    for label, value in (
        ("Expiration Time", message.expiration_time),
        ("Not Before", message.not_before),
        ("Request ID", message.request_id),
    ):
        if value is not None:
            lines.append(f"{label}: {value}")
    if message.resources is not None:
        lines += ["Resources:", *(f"- {resource}" for resource in message.resources)]
    return "\n".join(lines)


def parse(text: str) -> SiweMessage:
    """The message of a text. Raises `InvalidArgument` SIWE_MALFORMED, the only failure there is, with the details
    `field` and `line` (counted from 1) of what was found wrong first."""
    lines = _Lines(text)
    try:
        return _parse(lines)
    except InvalidArgument as error:
        line = lines.found_at.get(error.details.get("field", ""), lines.number)
        raise InvalidArgument(
            "SIWE_MALFORMED", f"{error.message} (line {line})", **error.details, line=str(line)
        ) from None


def _parse(lines: _Lines) -> SiweMessage:
    scheme, domain = _origin(lines)
    address = _address(lines.take("address"))
    lines.take_empty("address")
    statement = _statement(lines)
    uri = lines.take("uri", "URI: ")
    if lines.take("version", "Version: ") != _VERSION:
        raise _malformed("version", "must be 1")
    return SiweMessage(
        scheme=scheme,
        domain=domain,
        address=address,
        statement=statement,
        uri=uri,
        chain=_chain(lines.take("chain_id", "Chain ID: ")),
        nonce=lines.take("nonce", "Nonce: "),
        issued_at=lines.take("issued_at", "Issued At: "),
        expiration_time=lines.find("expiration_time", "Expiration Time: "),
        not_before=lines.find("not_before", "Not Before: "),
        request_id=lines.find("request_id", "Request ID: "),
        resources=_resources(lines),
    )


def _origin(lines: _Lines) -> tuple[str | None, str]:
    header = lines.take("domain")
    lines.found_at["scheme"] = lines.number
    if not header.endswith(_HEADER):
        raise _malformed("domain", f"the first line must end in {_HEADER!r}")
    scheme, separator, domain = header.removesuffix(_HEADER).rpartition("://")
    return (scheme if separator else None), domain


def _address(text: str) -> Address:
    if _ADDRESS.fullmatch(text) is None:
        raise _malformed("address", "must be 0x and 40 hex digits")
    address = Address(bytes.fromhex(text[2:]))
    if address.checksum != text:
        raise _malformed("address", f"must be written with its EIP-55 checksum, {address.checksum}")
    return address


def _statement(lines: _Lines) -> str | None:
    text = lines.take("statement")
    if text == "" and not lines.next_is_empty():
        return None
    lines.take_empty("statement")
    return text


def _chain(text: str) -> ChainId:
    if _CHAIN.fullmatch(text) is None or int(text) > MAX_CHAIN_NUMBER:
        raise _malformed("chain_id", "must be the number of an EIP-155 chain, without leading zeros")
    return ChainId(int(text))


def _resources(lines: _Lines) -> tuple[str, ...] | None:
    if lines.at_end():
        return None
    if lines.take("resources") != "Resources:":
        raise _malformed("resources", "only the optional lines, each once and in their order, may follow")
    resources = []
    while not lines.at_end():
        resources.append(lines.take("resources", "- "))
        _check_resource(resources[-1])
    return tuple(resources)


def _check_resource(text: str) -> None:
    if not rfc3986.is_uri(text):
        raise _malformed("resources", "each must be an RFC 3986 URI with a scheme")


class _Lines:
    """The lines of a text, read once from top to bottom."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self.number = 0
        self.found_at: dict[str, int] = {}

    def at_end(self) -> bool:
        return self.number == len(self._lines)

    def next_is_empty(self) -> bool:
        return not self.at_end() and self._lines[self.number] == ""

    def take(self, field: str, label: str = "") -> str:
        """The rest of the next line, which must start with `label`."""
        if self.at_end():
            raise _malformed(field, "is missing: the message ends before it")
        line = self._lines[self.number]
        self.number += 1
        self.found_at[field] = self.number
        if not line.startswith(label):
            raise _malformed(field, f"the line must start with {label!r}")
        return line[len(label) :]

    def take_empty(self, field: str) -> None:
        if self.take(f"line after {field}"):
            raise _malformed(f"line after {field}", "must be empty")

    def find(self, field: str, label: str) -> str | None:
        """As `take`, or None when another line comes next."""
        if self.at_end() or not self._lines[self.number].startswith(label):
            return None
        return self.take(field, label)


def _malformed(field: str, message: str) -> InvalidArgument:
    return InvalidArgument("SIWE_MALFORMED", f"{field}: {message}", field=field)
