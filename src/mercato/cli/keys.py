"""`mercato keys`: the keys that sign access tokens, and their rotation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cyclopts import App

from mercato.kit import grpc
from mercato.kit.settings import Settings
from mercato.rpc.auth.v1 import auth_pb2 as pb
from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceStub

if TYPE_CHECKING:
    from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub

app = App(name="keys", help="The keys that sign access tokens, and their rotation.")


@app.command(name="list")
def list_keys() -> None:
    """Show the ids of all keys whose tokens are believed, as they are published at /.well-known/jwks.json."""

    async def show(auth: AuthServiceAsyncStub) -> None:
        for key in json.loads((await auth.GetKeys(pb.GetKeysRequest())).jwks)["keys"]:
            print(key["kid"])

    _with_auth(show)


@app.command
def rotate() -> None:
    """Sign with a new key from now on, where auth made its key itself; tokens of the old one stay good to their end.

    With keys of your own, put the new one (`mercato keys new`) first in MERCATO_JWT_PRIVATE_KEY and restart auth.
    """

    async def replace(auth: AuthServiceAsyncStub) -> None:
        print(f"{(await auth.RotateKey(pb.RotateKeyRequest())).kid} signs now")

    _with_auth(replace)


@app.command
def new() -> None:
    """Print a fresh private key for MERCATO_JWT_PRIVATE_KEY (Ed25519, PKCS #8 PEM)."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    print(pem.decode(), end="")


def _with_auth(act: Callable[[AuthServiceAsyncStub], Awaitable[None]]) -> None:
    async def run() -> None:
        async with grpc.connected(Settings(), "auth", AuthServiceStub) as auth:
            await act(auth)

    asyncio.run(run())
