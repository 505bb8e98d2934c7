"""What the media tests share: limits, unique documents, and a web site that stands for the open web."""

from __future__ import annotations

import io
import ipaddress
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aiohttp import web
from PIL import Image

from mercato.kit.dialing import IpAddress
from mercato.services.media.store import MediaStore

UPLOAD_LIMIT = 2**20
DOCUMENT_LIMIT = 10_000


def metadata(**fields: Any) -> dict[str, Any]:
    """A document that no other test has."""
    return {"name": f"Token {uuid4()}", "image": "ipfs://picture", **fields}


async def content(store: MediaStore, path: str) -> tuple[str, int, bytes]:
    """What is stored: content type, size in bytes, the bytes."""
    kind, size, chunks = await store.read(path)
    return kind, size, b"".join([chunk async for chunk in chunks])


def loopback_only(address: IpAddress) -> bool:
    """The sandbox's rule turned round, so that a server of the tests stands for the open web."""
    return address == ipaddress.ip_address("127.0.0.1")


def picture(kind: str = "PNG", size: tuple[int, int] = (12, 7)) -> bytes:
    """A small image that no other test has."""
    image, out = (
        Image.frombytes("RGB", size, (uuid4().bytes * (size[0] * size[1]))[: size[0] * size[1] * 3]),
        io.BytesIO(),
    )
    image.save(out, kind)
    return out.getvalue()


@dataclass
class Site:
    """A web site: what stands at its paths, and what was asked of it. A number stands for a status."""

    url: str = ""
    pages: dict[str, bytes | int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def put(self, path: str, document: dict[str, Any]) -> str:
        """The URL under which `document` can be read from now on."""
        self.pages[path] = json.dumps(document).encode()
        return self.url + path

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if to := request.query.get("to"):
            return web.Response(status=302, headers={"Location": to})
        page = self.pages.get(request.path, 404)
        return web.Response(status=page) if isinstance(page, int) else web.Response(body=page)


@asynccontextmanager
async def running_site() -> AsyncIterator[Site]:
    """A site on a free port until the block ends."""
    site = Site()
    app = web.Application()
    app.router.add_get("/{path:.*}", site.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield site
    finally:
        await runner.cleanup()
