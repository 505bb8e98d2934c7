"""EIP-4361 messages: the grammar accepts what it must, refuses the rest with a place, and rendering is exact."""

from __future__ import annotations

import string
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import MAX_CHAIN_NUMBER, Address, ChainId
from mercato.services.auth.model.siwe import SiweMessage, moment, parse, render

ADDRESS = Address.parse("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2")

FULL = """\
https://market.example:8443 wants you to sign in with your Ethereum account:
0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2

I accept the terms: https://market.example/tos

URI: https://market.example/login
Version: 1
Chain ID: 31337
Nonce: 32891756aB
Issued At: 2026-09-30T16:25:24Z
Expiration Time: 2026-09-30T16:30:24.000Z
Not Before: 2026-09-30T18:25:24+02:00
Request ID: some-id_1
Resources:
- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/
- https://market.example/my-web2-claim.json"""

PLAIN = SiweMessage(
    domain="market.example",
    address=ADDRESS,
    uri="https://market.example/login",
    chain=ChainId(1),
    nonce="32891756",
    issued_at="2026-09-30T16:25:24Z",
)


def test_a_message_with_every_field_is_read_and_written_byte_for_byte() -> None:
    message = parse(FULL)
    assert message == SiweMessage(
        scheme="https",
        domain="market.example:8443",
        address=ADDRESS,
        statement="I accept the terms: https://market.example/tos",
        uri="https://market.example/login",
        chain=ChainId(31337),
        nonce="32891756aB",
        issued_at="2026-09-30T16:25:24Z",
        expiration_time="2026-09-30T16:30:24.000Z",
        not_before="2026-09-30T18:25:24+02:00",
        request_id="some-id_1",
        resources=(
            "ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/",
            "https://market.example/my-web2-claim.json",
        ),
    )
    assert render(message) == FULL


@pytest.mark.parametrize(
    ("statement", "between_address_and_uri"), [(None, "\n\n\n"), ("", "\n\n\n\n"), ("Hello.", "\n\nHello.\n\n")]
)
def test_a_statement_that_is_absent_empty_or_there_makes_three_different_texts(
    statement: str | None, between_address_and_uri: str
) -> None:
    message = SiweMessage(**{**vars(PLAIN), "statement": statement})
    text = render(message)
    assert f"{ADDRESS.checksum}{between_address_and_uri}URI: " in text
    assert parse(text) == message


def test_optional_lines_that_are_absent_leave_no_trace() -> None:
    assert render(PLAIN).splitlines()[-1] == "Issued At: 2026-09-30T16:25:24Z"
    assert not render(PLAIN).endswith("\n")


def test_an_empty_list_of_resources_differs_from_none() -> None:
    message = SiweMessage(**{**vars(PLAIN), "resources": ()})
    assert render(message) == render(PLAIN) + "\nResources:"
    assert parse(render(message)) == message != PLAIN


@pytest.mark.parametrize(
    "domain",
    ["127.0.0.1", "127.0.0.1:8080", "user@market.example:1", "[::1]:8080", "[2001:db8::7]", "a%20b", "[v1.fe:x]"],
)
def test_a_domain_may_be_any_rfc_3986_authority(domain: str) -> None:
    assert parse(render(PLAIN).replace("market.example wants", f"{domain} wants")).domain == domain


@pytest.mark.parametrize(
    "uri",
    [
        "did:key:z6Mkf", "urn:uuid:1", "https://a.b?q=/?#f?/", "file:///x", "x:", "http://[::ffff:1.2.3.4]/",
        "uri://[1:2:3:4:5:6:7::]", "uri://[::000.000.010.001]",
    ],
)  # fmt: skip
def test_a_uri_may_be_of_any_rfc_3986_kind(uri: str) -> None:
    assert parse(render(PLAIN).replace("https://market.example/login", uri)).uri == uri


def line(number: int, text: str | None) -> str:
    """FULL with a line, counted from 1, replaced or (None) taken out."""
    lines = FULL.split("\n")
    lines[number - 1 : number] = [] if text is None else [text]
    return "\n".join(lines)


HEADER = " wants you to sign in with your Ethereum account:"


@pytest.mark.parametrize(
    ("text", "field", "number"),
    [
        ("", "domain", 1),
        (line(1, HEADER), "domain", 1),
        (line(1, f"://market.example{HEADER}"), "scheme", 1),
        (line(1, f"1x://market.example{HEADER}"), "scheme", 1),
        (line(1, f"market.example/path{HEADER}"), "domain", 1),
        (line(1, f":8080{HEADER}"), "domain", 1),
        (line(1, f"[::1{HEADER}"), "domain", 1),
        (line(1, f"[1:2:3]{HEADER}"), "domain", 1),
        (line(1, f"mаrket.example{HEADER}"), "domain", 1),
        (line(1, f"market.example{HEADER} "), "domain", 1),
        (line(1, "market.example wants you to sign in with your ethereum account:"), "domain", 1),
        (line(2, ADDRESS.text), "address", 2),
        (line(2, ADDRESS.checksum[:-1]), "address", 2),
        (line(2, ADDRESS.checksum.replace("0x", "0X")), "address", 2),
        (line(3, None), "line after address", 3),
        (line(3, " "), "line after address", 3),
        (line(4, "two\nlines"), "line after statement", 5),
        (line(4, "tab\there"), "statement", 4),
        (line(4, "100% sure"), "statement", 4),
        (line(4, "schöner Satz"), "statement", 4),
        (line(4, "carriage\r"), "statement", 4),
        (line(6, "URI: market.example"), "uri", 6),
        (line(6, "URI: https://market.example/ x"), "uri", 6),
        (line(6, "URI: https://[::0.0.0.256]/"), "uri", 6),
        (line(6, "URI: https://[1:2:3:4:5::6:7:8]/"), "uri", 6),
        (line(6, "Uri: https://market.example"), "uri", 6),
        (line(6, None), "uri", 6),
        (line(7, "Version: 2"), "version", 7),
        (line(7, "Version: 1 "), "version", 7),
        (line(7, None), "version", 7),
        (line(8, "Chain ID: 0"), "chain_id", 8),
        (line(8, "Chain ID: 01"), "chain_id", 8),
        (line(8, "Chain ID: eip155:1"), "chain_id", 8),
        (line(8, f"Chain ID: {'9' * 5000}"), "chain_id", 8),
        (line(8, "Chain ID: ١"), "chain_id", 8),
        (line(9, "Nonce: 1234567"), "nonce", 9),
        (line(9, "Nonce: 1234567-8"), "nonce", 9),
        (line(10, "Issued At: 2026-02-30T16:25:24Z"), "issued_at", 10),
        (line(10, "Issued At: 2026-02-20 16:25:24Z"), "issued_at", 10),
        (line(10, "Issued At: 2026-02-20T16:25:24"), "issued_at", 10),
        (line(10, "Issued At: 2026-02-20T24:00:00Z"), "issued_at", 10),
        (line(10, "Issued At: 0000-01-01T00:00:00Z"), "issued_at", 10),
        (line(10, "Issued At: 9999-12-31T23:59:59-23:59"), "issued_at", 10),
        (line(10, None), "issued_at", 10),
        (line(11, "Expiration Time: tomorrow"), "expiration_time", 11),
        (line(12, "Not Before: "), "not_before", 12),
        (line(13, "Request ID: a/b"), "request_id", 13),
        (line(14, "Resources: "), "resources", 14),
        (line(15, "https://market.example"), "resources", 15),
        (line(16, "- not a uri"), "resources", 16),
        (FULL + "\n", "resources", 17),
        (render(PLAIN) + "\n", "resources", 10),
        (FULL.replace("\n", "\r\n"), "domain", 1),
        ("\n".join([*FULL.split("\n")[:11], "Request ID: x", "Not Before: 2026-09-30T16:25:24Z"]), "resources", 13),
        ("\n".join([*FULL.split("\n")[:10], *(["Expiration Time: 2026-09-30T16:30:24Z"] * 2)]), "resources", 12),
    ],
)
def test_what_the_grammar_does_not_allow_is_refused_with_field_and_line(text: str, field: str, number: int) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        parse(text)
    assert refusal.value.reason == "SIWE_MALFORMED"
    assert refusal.value.details == {"field": field, "line": str(number)}


def test_every_line_has_its_one_place() -> None:
    """What becomes of FULL, line by line, when a line is left out, written twice, emptied, or changed with the next."""
    lines = FULL.split("\n")

    def accepted(change: Callable[[int], list[str]]) -> set[int]:
        """Numbers, from 1, of the lines for which the changed text is a message."""
        return {i + 1 for i in range(len(lines)) if isinstance(attempt("\n".join(change(i))), SiweMessage)}

    optional, resources = {4, 11, 12, 13}, {15, 16}
    assert accepted(lambda i: lines[:i] + lines[i + 1 :]) == optional | resources
    assert accepted(lambda i: lines[: i + 1] + lines[i:]) == resources
    assert accepted(lambda i: [*lines[:i], "", *lines[i + 1 :]]) == {3, 4, 5}
    assert accepted(lambda i: [*lines[:i], "", *lines[i:]]) == set()
    assert accepted(lambda i: [*lines[:i], *lines[i : i + 2][::-1], *lines[i + 2 :]]) == {15, 16}
    assert accepted(lambda i: [*lines[:i], f" {lines[i]}", *lines[i + 1 :]]) == {4}
    assert accepted(lambda i: [*lines[:i], f"{lines[i]} ", *lines[i + 1 :]]) == {4}


@pytest.mark.parametrize("field", ["domain", "statement", "uri", "nonce", "issued_at", "request_id", "scheme"])
def test_no_field_can_smuggle_a_line_into_a_message_we_render(field: str) -> None:
    values = vars(PLAIN) | {field: "https://x\nURI: https://evil.example"}
    with pytest.raises(InvalidArgument) as refusal:
        SiweMessage(**values)
    assert refusal.value.details["field"] == field


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-09-30T16:25:24Z", "2026-09-30T16:25:24+00:00"),
        ("2026-09-30t16:25:24z", "2026-09-30T16:25:24+00:00"),
        ("2026-09-30T16:25:24.1234567Z", "2026-09-30T16:25:24.123456+00:00"),
        ("2026-09-30T16:25:24.5-07:30", "2026-09-30T23:55:24.500000+00:00"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999+00:00"),
    ],
)
def test_times_are_read_by_rfc_3339(text: str, utc: str) -> None:
    assert moment(text).isoformat() == utc


# ---- properties --------------------------------------------------------------------------------

UNRESERVED = string.ascii_letters + string.digits + "-._~"
SUB_DELIMS = "!$&'()*+,;="


def texts(alphabet: str, smallest: int = 0) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=smallest, max_size=12)


def encoded(alphabet: str, smallest: int = 0) -> st.SearchStrategy[str]:
    part = st.one_of(texts(alphabet, 1), st.from_regex(r"%[0-9A-Fa-f]{2}", fullmatch=True))
    return st.lists(part, min_size=smallest, max_size=4).map("".join)


SCHEMES = st.from_regex(r"[A-Za-z][A-Za-z0-9+.\-]{0,8}", fullmatch=True)
HOSTS = st.one_of(
    encoded(UNRESERVED + SUB_DELIMS, 1),
    st.ip_addresses(v=6).map(lambda ip: f"[{ip}]"),
    st.ip_addresses(v=4).map(str),
)
PORTS = st.one_of(st.just(""), st.integers(0, 65535).map(lambda port: f":{port}"))
AUTHORITIES = st.builds(
    lambda user, host, port: f"{user}{host}{port}",
    st.one_of(st.just(""), encoded(UNRESERVED + SUB_DELIMS + ":").map(lambda user: f"{user}@")),
    HOSTS,
    PORTS,
)
PCHARS = UNRESERVED + SUB_DELIMS + ":@"
PATHS = st.lists(encoded(PCHARS).map(lambda segment: f"/{segment}"), max_size=3).map("".join)
TAILS = st.one_of(st.just(""), encoded(PCHARS + "/?"))
URIS = st.builds(
    lambda scheme, authority, path, query, fragment: f"{scheme}://{authority}{path}?{query}#{fragment}",
    SCHEMES, AUTHORITIES, PATHS, TAILS, TAILS,
)  # fmt: skip
TIMES = st.one_of(
    st.datetimes().map(lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")),
    st.datetimes().map(lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")),
)
MESSAGES = st.builds(
    SiweMessage,
    domain=AUTHORITIES,
    address=st.binary(min_size=20, max_size=20).map(Address),
    uri=URIS,
    chain=st.integers(1, MAX_CHAIN_NUMBER).map(ChainId),
    nonce=texts(string.ascii_letters + string.digits, 8),
    issued_at=TIMES,
    statement=st.one_of(st.none(), texts(UNRESERVED + SUB_DELIMS + ":/?#[]@ ")),
    scheme=st.one_of(st.none(), SCHEMES),
    expiration_time=st.one_of(st.none(), TIMES),
    not_before=st.one_of(st.none(), TIMES),
    request_id=st.one_of(st.none(), encoded(PCHARS)),
    resources=st.one_of(st.none(), st.lists(URIS, max_size=3).map(tuple)),
)


@given(MESSAGES)
@settings(max_examples=300, deadline=None)
def test_what_is_rendered_parses_to_the_same_message(message: SiweMessage) -> None:
    assert parse(render(message)) == message


@given(st.data(), MESSAGES)
@settings(max_examples=500, deadline=None)
def test_a_damaged_message_is_the_same_text_again_or_refused_in_the_one_way(
    data: st.DataObject, message: SiweMessage
) -> None:
    text = render(message)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    damage = data.draw(st.one_of(st.text(max_size=8), st.sampled_from(["\n", "\n\n", "- ", ": ", "[::1]", "%", "\0"])))
    only_parses_or_refuses(text[:start] + damage + text[end:])


@given(st.text())
@example("\n" * 10_000)
@example("a" * 100_000 + HEADER)
@example(f"{'[' * 1000}{HEADER}")
@settings(max_examples=500, deadline=None)
def test_no_text_does_more_than_parse_or_be_refused(text: str) -> None:
    only_parses_or_refuses(text)


def only_parses_or_refuses(text: str) -> None:
    outcome = attempt(text)
    if isinstance(outcome, SiweMessage):
        assert render(outcome) == text
    else:
        assert outcome.reason == "SIWE_MALFORMED"
        assert outcome.details["field"]
        assert 1 <= int(outcome.details["line"]) <= text.count("\n") + 1


def attempt(text: str) -> SiweMessage | InvalidArgument:
    try:
        return parse(text)
    except InvalidArgument as refusal:
        return refusal
