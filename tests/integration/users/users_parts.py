"""What the tests of users share."""

from __future__ import annotations


class Pictures:
    """Media that holds every file, each of one type; None: it holds nothing."""

    def __init__(self, content_type: str | None = "image/png") -> None:
        self.content_type = content_type
        self.asked: list[str] = []

    async def find_type(self, uri: str) -> str | None:
        self.asked.append(uri)
        return self.content_type
