"""Stored files, by content id: immutable, never run as a document."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from mercato.kit.errors import MercatoError, NotFound
from mercato.services.gateway.http import answers
from mercato.services.gateway.model.media_paths import is_path
from mercato.services.gateway.rpc.media import MediaClient, StoredFile

_SHOWN = frozenset(
    {
        "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "video/mp4", "video/webm", "audio/mpeg",
        "audio/ogg", "audio/wav", "model/gltf-binary", "application/json", "text/plain",
    }
)  # fmt: skip
"""Types that a browser shows without running anything. All else, SVG and HTML first, is a download."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cache-Control": "public, max-age=31536000, immutable",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
}


class MediaEndpoint:
    """`/media/{cid}` and `/media/{cid}/{name}`."""

    def __init__(self, media: MediaClient) -> None:
        self._media = media

    async def read(self, request: Request) -> Response:
        """GET and HEAD; a content id never changes, so that a known one needs no bytes."""
        path = request.path_params["path"]
        if not is_path(path):
            return answers.refusal(NotFound("MEDIA_NOT_FOUND", "a path is /media/{cid} or /media/{cid}/{name}"))
        tag = f'"{path}"'
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers={**_HEADERS, "ETag": tag})
        try:
            file = await self._media.read(path)
        except MercatoError as error:
            return answers.refusal(error)
        headers = {**_HEADERS, "ETag": tag, **_described(file)}
        if request.method == "HEAD":
            file.close()
            return Response(headers=headers)
        return StreamingResponse(file.chunks(), headers=headers)


def _described(file: StoredFile) -> dict[str, str]:
    found = {"Content-Length": str(file.size)}
    if file.content_type.partition(";")[0].strip() in _SHOWN:
        return {**found, "Content-Type": file.content_type}
    return {**found, "Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}
