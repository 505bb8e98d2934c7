"""The S3 server: SeaweedFS with master, volume, filer and gateway in one small process, and our bucket in it."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from mercato.stack import probes
from mercato.stack.child import Child
from mercato.stack.errors import NotReady, StackMisconfigured
from mercato.stack.ports import HOST
from mercato.stack.site import Site, write_atomically
from mercato.stack.supervisor import own_environment

_SOCKET_FOLDER = Path("/tmp")  # where the program puts its unix sockets, whatever it is told


async def children(site: Site) -> list[Child]:
    """One server. `mini` starts in under a second where `server` takes over three, and ends in two
    where that takes 25; objects are written before they are acknowledged, so both may be killed."""
    data, port = site.data("s3"), site.ports["s3"]
    identities = data / "identities.json"
    write_atomically(identities, json.dumps(_identities(site)).encode())
    inner = site.ports.of("s3")
    options = {
        "ip": HOST,
        "ip.bind": HOST,
        "dir": data,
        "bucket": site.settings.s3_bucket,
        "s3.port": port,
        "s3.port.grpc": inner["grpc"],
        "s3.config": identities,
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.iam": "false",
        "master.telemetry": "false",
        "volume.preStopSeconds": 0,
        "webdav": "false",
        "admin.ui": "false",
        **{f"{part}.port": inner[part] for part in ("master", "volume", "filer", "admin")},
        **{f"{part}.port.grpc": inner[f"{part}.grpc"] for part in ("master", "volume", "filer", "admin")},
    }
    command = [str(locate()), "-logtostderr", "mini", *(f"-{name}={value}" for name, value in options.items())]
    return [
        Child(
            name="s3",
            kind="server",
            command=lambda: command,
            ready=lambda: _bucket_answers(site),
            env=own_environment(),
            cwd=data,
            port=port,
            cleanup=lambda: _remove_sockets([port, *inner.values()]),
        )
    ]


def locate() -> Path:
    """The server's binary, beside this Python's."""
    beside = Path(sys.executable).with_name("weed")
    if beside.is_file():
        return beside
    if found := shutil.which("weed"):
        return Path(found)
    raise StackMisconfigured("S3_MISSING", "no weed here; run `make setup`, or set MERCATO_S3_URL")


async def _bucket_answers(site: Site) -> None:
    """Ready when our key may list our bucket; the port alone answers earlier."""
    await probes.http(site.ports["s3"], "GET", "/status")
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    store = S3Store(
        site.settings.s3_bucket,
        endpoint=site.settings.s3_url,
        access_key_id=site.settings.s3_access_key,
        secret_access_key=site.settings.s3_secret_key.get_secret_value(),
        region="us-east-1",
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    try:
        await store.list_with_delimiter_async("ready")
    except BaseError as error:
        raise NotReady(f"bucket {site.settings.s3_bucket}: {error}") from error


def _identities(site: Site) -> dict[str, object]:
    credentials = {
        "accessKey": site.settings.s3_access_key,
        "secretKey": site.settings.s3_secret_key.get_secret_value(),
    }
    actions = ["Admin", "Read", "List", "Tagging", "Write"]
    return {"identities": [{"name": "mercato", "credentials": [credentials], "actions": actions}]}


def _remove_sockets(ports: list[int]) -> None:
    for port in ports:
        for path in _SOCKET_FOLDER.glob(f"seaweedfs-*-{port}.sock"):
            with suppress(OSError):
                path.unlink()
