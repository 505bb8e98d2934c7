"""What the gateway serves beside GraphQL: stored files, keys, the schema, the page, health."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gateway_fakes import CID, PNG, SVG_CID
from gateway_parts import Gateway
from gateway_site import another_gateway

from mercato.kit.errors import Unavailable
from mercato.services.gateway.graph.schema import SDL


async def test_a_stored_image_is_served_for_ever_and_never_sniffed(gateway: Gateway) -> None:
    status, headers, body = await gateway.get(f"/media/{CID}")
    assert (status, body) == (200, PNG)
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Length"] == str(len(PNG))
    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert "Content-Disposition" not in headers
    status, headers, body = await gateway.get(f"/media/{CID}", **{"If-None-Match": headers["ETag"]})
    assert (status, body) == (304, b"")
    assert gateway.world.calls["Read"] == 1


@pytest.mark.parametrize("path", [SVG_CID, f"{CID}/page"])
async def test_what_could_run_as_a_document_is_a_download(gateway: Gateway, path: str) -> None:
    status, headers, _ = await gateway.get(f"/media/{path}")
    assert status == 200
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"] == "attachment"


async def test_head_asks_for_no_bytes(gateway: Gateway) -> None:
    async with gateway.session.head(f"{gateway.url}/media/{CID}") as response:
        assert response.status == 200
        assert response.headers["Content-Length"] == str(len(PNG))
        assert await response.read() == b""


@pytest.mark.parametrize(
    "path",
    ["nothing", "../etc/passwd", "..%2f..%2fetc", f"{CID}/..", f"{CID}/a/b", f"{CID}/%00", "%ff" * 40, "x" * 3000],
)
async def test_paths_that_name_nothing_are_404_in_graphqls_shape(gateway: Gateway, path: str) -> None:
    status, _, body = await gateway.get(f"/media/{path}")
    assert status == 404
    assert json.loads(body)["errors"][0]["extensions"]["reason"] in {"MEDIA_NOT_FOUND", "NOT_FOUND"}


async def test_media_being_away_is_503(gateway: Gateway) -> None:
    gateway.world.failures["Read"] = Unavailable("DEPENDENCY_UNAVAILABLE", "try again shortly")
    status, _, body = await gateway.get(f"/media/{CID}")
    assert (status, json.loads(body)["errors"][0]["extensions"]["code"]) == (503, "UNAVAILABLE")


async def test_the_schema_and_the_keys(gateway: Gateway) -> None:
    status, _, body = await gateway.get("/schema.graphql")
    assert (status, body.decode()) == (200, SDL)
    status, headers, body = await gateway.get("/.well-known/jwks.json")
    assert (status, headers["Content-Type"], json.loads(body)) == (200, "application/json", {"keys": []})


@pytest.mark.parametrize(
    "path", ["/assets/main.js", "/assets/", "/assets/%00", "/assets/..%2f..%2f", "/assets/" + "a" * 5000]
)
async def test_assets_of_a_page_that_is_not_built_are_404(gateway: Gateway, tmp_path: Path, path: str) -> None:
    async with another_gateway(gateway, web_dir=str(tmp_path)) as unbuilt:
        for _ in range(2):
            status, _, body = await unbuilt.get(path)
            assert (status, json.loads(body)["errors"][0]["extensions"]["reason"]) == (404, "NOT_FOUND")
        (tmp_path / "assets").mkdir()
        (tmp_path / "assets" / "main.js").write_text("1")
        assert (await unbuilt.get("/assets/main.js"))[2] == b"1"


async def test_the_page_says_how_to_build_it_until_it_is_built(gateway: Gateway) -> None:
    status, headers, body = await gateway.get("/")
    assert status == 200
    assert b"npm run build" in body
    folder = Path(gateway.stack.settings.web_dir)
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<p>page</p>")
    (folder / "graphiql.html").write_text("<p>explorer</p>")
    (folder / "assets" / "main-ABCD2345.js").write_text("1")
    (folder / "assets" / "icon.svg").write_text("<svg/>")
    status, headers, body = await gateway.get("/")
    assert (status, body) == (200, b"<p>page</p>")
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    status, headers, body = await gateway.get("/assets/main-ABCD2345.js")
    assert (status, headers["Cache-Control"], body) == (200, "public, max-age=31536000, immutable", b"1")
    assert (await gateway.get("/assets/icon.svg"))[1]["Cache-Control"] == "no-cache"
    assert (await gateway.get("/assets/../index.html"))[0] == 404
    assert (await gateway.get("/assets/nothing.js"))[0] == 404
    assert (await gateway.get("/graphql", Accept="text/html"))[2] == b"<p>explorer</p>"


async def test_the_local_chain_is_told_to_the_page(gateway: Gateway) -> None:
    status, _, body = await gateway.get("/dev/config.json")
    assert status == 200
    assert json.loads(body) == {
        "chains": [{"chainId": "eip155:31337", "number": 31337, "name": "Local", "rpcUrl": "http://127.0.0.1:8545"}]
    }


async def test_the_gateway_is_ready_and_measured(gateway: Gateway) -> None:
    await gateway.execute("{ __typename }")
    ops = f"http://127.0.0.1:{gateway.stack.settings.ops_port('gateway')}"
    async with gateway.session.get(f"{ops}/readyz") as response:
        assert (response.status, (await response.json())["checks"]) == (200, {"redis": "ok", "pushes": "ok"})
    async with gateway.session.get(f"{ops}/metrics") as response:
        assert 'mercato_gateway_operation_seconds_count{kind="query",outcome="ok"}' in await response.text()
