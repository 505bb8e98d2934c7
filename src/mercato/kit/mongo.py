"""MongoDB: one client per service; only find, insert, update and delete, so that any server of its protocol serves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pymongo import AsyncMongoClient
from pymongo.errors import AutoReconnect, PyMongoError, ServerSelectionTimeoutError

from mercato.kit.errors import Unavailable
from mercato.kit.settings import Settings

Client = AsyncMongoClient[dict[str, Any]]

P = ParamSpec("P")
T = TypeVar("T")


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Client]:
    """A client with acknowledged, journalled writes."""
    client: Client = AsyncMongoClient(
        settings.mongo_url, tz_aware=True, w=1, journal=True, serverSelectionTimeoutMS=5000, appname="mercato"
    )
    try:
        yield client
    finally:
        await client.close()


def repeatable(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """For what may be done twice without a difference: a connection that died with the server's last process is no
    failure, the call is made again on a new one. Raises `Unavailable` DOCUMENTS_UNAVAILABLE when that fails, too."""

    @wraps(method)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            try:
                return await method(*args, **kwargs)
            except ServerSelectionTimeoutError:
                raise
            except AutoReconnect:
                return await method(*args, **kwargs)
        except PyMongoError as error:
            raise Unavailable("DOCUMENTS_UNAVAILABLE", f"MongoDB does not answer: {str(error)[:200]}") from error

    return call
