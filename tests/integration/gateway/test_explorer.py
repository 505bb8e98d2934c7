"""GraphiQL as it was built: all it loads comes from here, its policy lets it run, and what it sends is answered."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from gateway_parts import Gateway
from gateway_site import another_gateway
from graphql import get_introspection_query

BUILT = Path(__file__).parents[3] / "web" / "dist"
LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src"}
FIRST_QUERY = re.compile(r"`(# Mercato\. What you do here[^`]*)`")


class Page(HTMLParser):
    """What a page loads, and what it runs that stands in itself."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[tuple[str, str]] = []
        self.inline: list[str] = []
        self.ids: set[str] = set()
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if found := given.get(LOADS.get(tag, "")):
            self.loads.append((tag, found))
        self.ids.add(given.get("id") or "")
        self.inline += [name for name, _ in attrs if name.startswith("on")]
        self._in_script = tag == "script"

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.inline.append(data)

    def handle_endtag(self, _: str) -> None:
        self._in_script = False


@pytest.fixture
async def built(gateway: Gateway) -> AsyncIterator[Gateway]:
    """A development gateway that serves what `make setup` built."""
    assert (BUILT / "graphiql.html").is_file(), "run `make setup`, which builds the page"
    async with another_gateway(gateway, web_dir=str(BUILT)) as serving:
        yield serving


async def opened(gateway: Gateway) -> tuple[Page, dict[str, list[str]]]:
    """The page that a browser is shown at the endpoint, and its policy by directive."""
    status, headers, body = await gateway.get("/graphql", Accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    directives = [d.split() for d in headers["Content-Security-Policy"].split(";")]
    return Page(body.decode()), {name: sources for name, *sources in directives}


async def script_of(gateway: Gateway) -> str:
    page, _ = await opened(gateway)
    source = next(url for tag, url in page.loads if tag == "script")
    return (await gateway.get(source))[2].decode()


async def test_all_that_the_explorer_loads_comes_from_here_and_is_what_it_says(built: Gateway) -> None:
    page, policy = await opened(built)
    types = {"script": {"text/javascript; charset=utf-8"}, "link": {"text/css; charset=utf-8", "image/svg+xml"}}
    assert sorted(tag for tag, _ in page.loads) == ["link", "link", "script"]
    for tag, url in page.loads:
        assert urlsplit(urljoin(built.url, url)).netloc == urlsplit(built.url).netloc
        status, headers, body = await built.get(url)
        assert (status, bool(body)) == (200, True)
        assert headers["Content-Type"] in types[tag]
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert page.inline == []
    assert "root" in page.ids
    assert policy["default-src"] == ["'self'"]
    assert "script-src" not in policy


async def test_the_explorer_needs_nothing_that_its_policy_forbids(built: Gateway) -> None:
    page, policy = await opened(built)
    script = await script_of(built)
    assert re.findall(r"\bnew Function\(|(?<![\w.$])eval\(|\bimportScripts\(|(?<![\w.$])import\(", script) == []
    style = next(url for tag, url in page.loads if tag == "link" and url.endswith(".css"))
    sheet = (await built.get(style))[2].decode()
    assert "@import" not in sheet
    outside = {url for url in re.findall(r"url\(\s*['\"]?([^'\")]+)", sheet) if not url.startswith(("data:", "#"))}
    assert outside == set()
    assert "data:" in policy["font-src"]
    assert policy["connect-src"][0] == "'self'"


async def test_what_the_explorer_sends_first_is_answered(built: Gateway) -> None:
    """It asks for the schema by itself; the query it opens with is what most people run first."""
    found = FIRST_QUERY.search(await script_of(built))
    assert found is not None
    as_a_browser = {
        "Accept": "application/json, multipart/mixed", "Origin": built.url, "Sec-Fetch-Site": "same-origin",
    }  # fmt: skip
    asked = {"query": get_introspection_query(), "operationName": "IntrospectionQuery"}
    schema = await built.post(asked, None, **as_a_browser)
    assert schema.data["__schema"]["queryType"]["name"] == "Query"
    market = await built.post({"query": found[1], "operationName": "Market"}, None, **as_a_browser)
    assert market.status == 200
    assert market.data["chains"][0]["chainId"] == "eip155:31337"
    assert set(market.data) == {"chains", "collections", "activities"}
    assert '"/graphql"' in await script_of(built)


async def test_a_signed_in_page_may_open_the_explorers_socket(built: Gateway) -> None:
    """`graphql-ws`, the client it is built with, speaks the protocol that is served here and no other."""
    script = await script_of(built)
    assert '"graphql-transport-ws"' in script
    async with built.socket("token-alice") as socket:
        await socket.send({"type": "ping"})
        assert (await socket.next())["type"] == "pong"
