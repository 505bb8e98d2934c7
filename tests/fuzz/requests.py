"""Requests over HTTP: operations with variables and files, bodies in all encodings, paths, headers, broken HTTP."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from tests.fuzz.operations import Asked, Operations, hostile_documents
from tests.fuzz.values import DIGITS, Values, encoded
from tests.fuzz.wire import Answer, Headers, request

JSON: Headers = [("Content-Type", b"application/json")]
PREFLIGHT = ("graphql-require-preflight", b"1")
_CHARSETS = (
    "utf-8", "utf8", '"UTF-8"', "utf-16", "utf-7", "latin-1", "undefined", "idna", "punycode", "unicode_escape",
    "raw_unicode_escape", "rot13", "base64", "zlib", "mbcs", "x" * 300, "utf-8; charset=undefined", "\xff", "",
)  # fmt: skip
_TYPES = (
    "application/json", "APPLICATION/JSON ;", "application/graphql-response+json", "application/graphql", "text/plain",
    "multipart/form-data", "multipart/form-data; boundary=", 'multipart/form-data; boundary="', "multipart/mixed",
    "multipart/form-data; boundary=" + "x" * 300, "multipart/form-data; boundary=\xe9",
    "application/x-www-form-urlencoded",
    "", ";", "/", "\xff",
)  # fmt: skip
_PATHS = (
    "/", "/graphql", "/graphql/", "/graphql/session", "/schema.graphql", "/.well-known/jwks.json", "/favicon.ico",
    "/dev/config.json", "/assets", "/assets/", "/assets/main.js", "/media/", "/media/bafy",
    "/nothing", "*", "//", "/..",
)  # fmt: skip
_ENDS = (
    "",
    "%00",
    "%ff",
    "%2e%2e%2f",
    "/../../etc/passwd",
    "a" * 3000,
    "\xff",
    "?",
    "#",
    ";",
    "%",
    "\\",
    "é",
    "%0d%0aX: 1",
)
_ACCEPTS = (
    b"*/*", b"", b",", b";q=1", b"application/json;q=nan", b"application/json;q=1e999", b"\xff", b"text/html",
    b"application/graphql-response+json;q=0.1,*/*;q=" + b"9" * 5000, b"text/event-stream",
)  # fmt: skip


class Requests:
    """Each call of `next` is one request; it gives what is wrong with its answer, None for nothing."""

    def __init__(self, port: int, values: Values, operations: Operations, token: str) -> None:
        self._port = port
        self._values = values
        self._rng = values.rng
        self._operations = operations
        self._documents = hostile_documents(values)
        self._token = token
        self._kinds: list[Callable[[], Awaitable[tuple[bytes, Answer]]]] = [
            self._operation, self._operation, self._operation, self._document, self._document,
            self._document, self._document, self._envelope,
            self._damaged, self._multipart, self._multipart, self._url, self._encoding, self._path, self._headers,
            self._framing,
        ]  # fmt: skip
        self._round = 0

    async def next(self) -> str | None:
        kind = self._kinds[self._round % len(self._kinds)]
        self._round += 1
        sent, answer = await kind()
        return f"HTTP {kind.__name__}: {answer.fault}\n  sent {sent[:1500]!r}" if answer.fault else None

    async def _send(
        self, body: bytes, headers: Headers = JSON, method: str = "POST", target: bytes = b"/graphql"
    ) -> tuple[bytes, Answer]:
        bearer = [("Authorization", b"Bearer " + self._token.encode())] if self._rng.random() < 0.5 else []
        given = [*headers, *bearer]
        return b"%r %r " % (target, given) + body, await request(self._port, method, target, given, body)

    def _body(self, asked: Asked, **more: Any) -> bytes:
        text = encoded({"query": asked.query, "variables": asked.variables, **more})
        return text.encode(errors="surrogatepass")

    async def _operation(self) -> tuple[bytes, Answer]:
        asked = self._operations.any("query", "query", "mutation", "subscription")
        return await (self._with_files(asked) if asked.files else self._send(self._body(asked)))

    async def _document(self) -> tuple[bytes, Answer]:
        variables = {"x": self._values.odd()} if self._rng.random() < 0.3 else {}
        return await self._send(self._body(Asked(next(self._documents), variables, [])))

    async def _envelope(self) -> tuple[bytes, Answer]:
        """A good query around which something is odd, or all else."""
        if self._rng.random() < 0.5:
            return await self._send(self._body(Asked("{ chains { id } }", {"x": self._values.deep()}, [])))
        hashed = {"persistedQuery": {"version": 1, "sha256Hash": self._values.odd()}}
        body: dict[str, Any] = {"query": "{ chains { id } }"}
        for name in self._rng.sample(["variables", "operationName", "extensions", "query", "id"], 2):
            body[name] = self._values.odd()
        if self._rng.random() < 0.5:
            body["extensions"] = self._rng.choice((hashed, {"persistedQuery": self._values.odd()}))
        if self._rng.random() < 0.5:
            body["variables"] = {"x": self._rng.choice((self._values.deep, self._values.odd))()}
        whole: Any = body if self._rng.random() < 0.8 else self._rng.choice(([body], self._values.odd()))
        return await self._send(encoded(whole).encode(errors="surrogatepass"))

    async def _damaged(self) -> tuple[bytes, Answer]:
        body = bytearray(self._body(self._operations.any("query", "mutation")))
        for _ in range(self._rng.randrange(4)):
            body[self._rng.randrange(len(body))] = self._rng.randrange(256)
        return await self._send(bytes(body[: self._rng.choice((len(body), self._rng.randrange(len(body))))]))

    async def _url(self) -> tuple[bytes, Answer]:
        asked = self._operations.any("query")
        query = asked.query if self._rng.random() < 0.6 else next(self._documents)[:8000]
        variables = encoded(self._rng.choice((asked.variables, self._values.odd(), {"x": self._values.odd()})))
        named = {"query": query, "variables": variables[:8000], "extensions": encoded(self._values.odd())[:8000]}
        parts = [f"{name}={quote(named[name])}" for name in self._rng.choices(list(named), k=self._rng.randint(1, 3))]
        odd = [("Accept", self._rng.choice(_ACCEPTS))] if self._rng.random() < 0.3 else []
        return await self._send(b"", odd, "GET", f"/graphql?{'&'.join(parts)}".encode("ascii", "ignore"))

    async def _encoding(self) -> tuple[bytes, Answer]:
        text = encoded({"query": "{ chains { id } }", "variables": {"x": self._values.text()}})
        coded = text.encode(self._rng.choice(("utf-8", "utf-16", "utf-32", "utf-7", "cp037")), "surrogatepass")
        body = self._rng.choice((coded, gzip.compress(coded), b"\xef\xbb\xbf" + coded))
        kind = f"{self._rng.choice(_TYPES)}; charset={self._rng.choice(_CHARSETS)}".encode("latin-1", "replace")
        more = [("Content-Encoding", self._rng.choice((b"gzip", b"br", b"identity", b"\xff")))]
        return await self._send(body, [("Content-Type", kind), PREFLIGHT, *(more if self._rng.random() < 0.5 else [])])

    async def _path(self) -> tuple[bytes, Answer]:
        path = self._rng.choice(_PATHS) + self._rng.choice(("", "/")) + self._rng.choice(_ENDS)
        method = self._rng.choice(("GET", "GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "TRACE", "PROPFIND"))
        return await self._send(b"", [], method, path.encode())

    async def _headers(self) -> tuple[bytes, Answer]:
        odd = [v.encode(errors="surrogatepass") for v in (self._values.text(), self._values.text())]
        odd = [v.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"") for v in odd]
        names = (
            "Accept", "Cookie", "traceparent", "tracestate", "baggage", "x-request-id",
            "User-Agent", "Origin", "Accept-Language",
            "Sec-Fetch-Site", "Authorization", "If-None-Match", "Range", "Expect", "Upgrade", "X-Forwarded-For",
        )  # fmt: skip
        headers = [
            (self._rng.choice(names), self._rng.choice((*odd, *_ACCEPTS))) for _ in range(self._rng.randint(1, 4))
        ]
        cookie = b"mercato-access=" + odd[0] + b"; mercato-refresh=" + odd[1] + b"; =; a"
        path = self._rng.choice((b"/graphql", b"/graphql/session"))
        query = self._rng.choice(
            ("{ viewer { address } }", "{ chains { id } }", "mutation { refreshSession(input: {}) { __typename } }")
        )
        return await self._send(self._body(Asked(query, {}, [])), [*JSON, *headers, ("Cookie", cookie)], target=path)

    async def _framing(self) -> tuple[bytes, Answer]:
        """Lengths and chunks that are no such thing. A server may end the connection, but not fail."""
        digits = b"9" * self._rng.choice(DIGITS)
        told = self._rng.choice((
            ("Content-Length", digits), ("Content-Length", b"-1"), ("Content-Length", b"5, 6"),
            ("Content-Length", b"0x1"),
            ("Transfer-Encoding", b"chunked"), ("Transfer-Encoding", b"gzip, chunked"), ("Content-Length", b"\xd9\xa3"),
        ))  # fmt: skip
        body = self._rng.choice((b'5\r\n{"a":\r\n0\r\n\r\n', digits + b"\r\n", b"zz\r\n", b"0\r\n\r\n", b"\0" * 40))
        sent, answer = await self._send(body, [*JSON, told])
        return sent, answer if answer.status else Answer(400, {}, b"")

    # --- multipart --------------------------------------------------------------------------------

    async def _with_files(self, asked: Asked) -> tuple[bytes, Answer]:
        places = {str(i): [path] for i, path in enumerate(asked.files)}
        return await self._form(self._body(asked), encoded(places).encode(), list(places))

    async def _multipart(self) -> tuple[bytes, Answer]:
        """A file in any variable, at places that are there or not."""
        digits = "1" * self._rng.choice(DIGITS)
        variables: dict[str, Any] = {"file": None, "files": [None, None], "d": {"a": None}}
        query = self._rng.choice((
            *["{ chains { id } }"] * 6, "query ($file: ID!) { node(id: $file) { id } }",
            "query ($file: String) { user(handle: $file) { id } }",
            "mutation ($d: JSON!) { createMetadata(input: {document: $d}) { document { uri } } }",
            "mutation ($file: Upload!) { uploadMedia(file: $file) { asset { cid } } }",
            "mutation ($files: [Upload!]) { uploadMedia(file: $files) { asset { cid } } }",
            "query ($file: Address!) { user(address: $file) { id } }",
            "query ($file: Int) { tokens(first: $file) { nodes { id } } }",
        ))  # fmt: skip
        path = self._rng.choice((
            "variables.file", "variables.files.0", "variables.d.a", "variables.files." + digits, "variables.files.-1",
            "variables", "query", "", ".", "variables..", "variables.files.٠", "variables.file.x", self._values.text(),
        ))  # fmt: skip
        places: Any = {"0": [path], **({"1": ["variables.d.a"]} if self._rng.random() < 0.3 else {})}
        if self._rng.random() < 0.2:
            places = self._rng.choice(
                (self._values.odd(), {"0": self._values.odd()}, {"0": [self._values.odd()]}, {"9": [path]})
            )
        whole: Any = {"query": query, "variables": variables}
        if self._rng.random() < 0.1:
            whole = self._rng.choice((self._values.odd(), [whole], {"query": query, "variables": self._values.odd()}))
        text = (encoded(v).encode(errors="surrogatepass") for v in (whole, places))
        return await self._form(next(text), next(text), ["0", "1"])

    async def _form(self, operations: bytes, places: bytes, files: list[str]) -> tuple[bytes, Answer]:
        rng = self._rng
        name = rng.choice(("a.png", "", "\0", "\\ud800", "é" * 300, 'a"b', "..\\..", "\xff")).encode(
            "latin-1", "replace"
        )
        kind = rng.choice((b"image/png", b"", b"\xff", b"a/\0b", b"text/html; charset=undefined", b"x" * 5000))
        data = rng.choice(
            (b"\x89PNG\r\n\x1a\n" + rng.randbytes(40), b"", b"GIF89a\xff\xff\xff\xff;", b"<svg/>", b"RIFF\0\0\0\0WEBP")
        )
        body = b"".join((
            _part(b'name="operations"', operations), _part(b'name="map"', places),
            *(_part(b'name="%s"; filename="%s"\r\nContent-Type: %s' % (f.encode(), name, kind), data) for f in files),
            rng.choice((b"--x--\r\n", b"--x--\r\n", b"", b"--y--", b"--x\r\n\r\n")),
        ))  # fmt: skip
        charset = f"; charset={rng.choice(_CHARSETS)}".encode("latin-1", "replace") if rng.random() < 0.3 else b""
        return await self._send(body, [("Content-Type", b"multipart/form-data; boundary=x" + charset), PREFLIGHT])


def _part(disposition: bytes, data: bytes) -> bytes:
    return b"--x\r\nContent-Disposition: form-data; " + disposition + b"\r\n\r\n" + data + b"\r\n"
