"""The pages people open: the start page and, in development, GraphiQL and what the page needs of the local chain."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from mercato.kit.errors import MercatoError
from mercato.services.gateway.graph.schema import SDL
from mercato.services.gateway.http import answers
from mercato.services.gateway.rpc.backends import Backends

_CONTENT_NAME = re.compile(r"-[A-Z0-9]{8}\.(?:js|css)$")

_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Mercato</title>
<body style="font: 1rem/1.6 system-ui; max-width: 40rem; margin: 4rem auto; padding: 0 1rem">
<h1>Mercato is running</h1>
<p>The web page is not built yet. In the project's folder:</p>
<pre>cd web &amp;&amp; npm ci &amp;&amp; npm run build</pre>
<p>The API works without it: <a href="/schema.graphql">its schema</a>.</p>
"""

_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; connect-src 'self'"
)
_LOCAL_NODES = " ws://localhost:* ws://127.0.0.1:* http://localhost:* http://127.0.0.1:*"


def web_folder(configured: str) -> Path:
    """Where the built page is: the setting, else `web/dist` of the checkout."""
    return Path(configured) if configured else Path(__file__).resolve().parents[5] / "web" / "dist"


class Assets(StaticFiles):
    """Scripts and styles of the build. What has its content in its name is kept by browsers for ever."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder / "assets", check_dir=False)

    async def check_config(self) -> None:
        """Asked once, with the first request that finds the folder: until the page is built nothing is there."""
        try:
            await super().check_config()
        except RuntimeError:
            raise HTTPException(404) from None

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200:
            named = _CONTENT_NAME.search(path) is not None
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if named else "no-cache"
        return response


class Pages:
    """Plain GET routes. `local` is true in development, where the page may talk to a chain on this machine."""

    def __init__(self, folder: Path, backends: Backends, *, local: bool) -> None:
        self._folder = folder
        self._backends = backends
        self._policy = _POLICY + (_LOCAL_NODES if local else "")

    async def start(self, _: Request) -> Response:
        return self._page("index.html")

    async def explorer(self, _: Request) -> Response:
        """GraphiQL."""
        return self._page("graphiql.html")

    async def icon(self, _: Request) -> Response:
        path = self._folder / "assets" / "icon.svg"
        return FileResponse(path, media_type="image/svg+xml") if path.is_file() else Response(status_code=404)

    async def schema(self, _: Request) -> Response:
        """The SDL, the contract itself."""
        return PlainTextResponse(SDL, headers={"Cache-Control": "no-cache"})

    async def keys(self, _: Request) -> Response:
        """The public keys of access tokens (RFC 7517)."""
        try:
            jwks = await self._backends.auth.keys()
        except MercatoError as error:
            return answers.refusal(error)
        return Response(jwks, media_type="application/json", headers={"Cache-Control": "public, max-age=60"})

    async def local_config(self, _: Request) -> Response:
        """What the page needs to play on a local chain: its node, which no production process tells."""
        try:
            chains = await self._backends.chains.list_chains()
        except MercatoError as error:
            return answers.refusal(error)
        return answers.answer(
            {
                "chains": [
                    {"chainId": c.chain_id.caip2, "number": c.number, "name": c.name, "rpcUrl": c.local_rpc_url}
                    for c in chains
                    if c.enabled and c.local_rpc_url
                ]
            }
        )

    def _page(self, name: str) -> Response:
        path = self._folder / name
        if not path.is_file():
            return HTMLResponse(_NOT_BUILT, headers={"Content-Security-Policy": self._policy})
        return FileResponse(
            path, media_type="text/html", headers={"Content-Security-Policy": self._policy, "Cache-Control": "no-cache"}
        )
