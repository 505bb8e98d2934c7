"""Turns ports and what the user set into the one map of ``MERCATO_*`` variables that every process of a stack gets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from mercato.kit.settings import SERVICES, Settings
from mercato.stack.errors import StackMisconfigured
from mercato.stack.ports import HOST, Ports
from mercato.stack.servers import REPLACED_BY

PREFIX = "MERCATO_"


class _Given(Settings):
    """Settings out of a given map alone, whatever this process's own environment says."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def settings_of(env: Mapping[str, str]) -> Settings:
    """The settings a process with exactly these variables reads. Raises `StackMisconfigured` BAD_SETTING."""
    fields = {k.removeprefix(PREFIX).lower(): v for k, v in env.items() if k.startswith(PREFIX)}
    try:
        return _Given(**fields)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + "_".join(str(part) for part in first["loc"]).upper() if first["loc"] else "settings"
        raise StackMisconfigured("BAD_SETTING", f"{name}: {first['msg']}") from None


def given(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings out of a process environment; without those that only steer the tools."""
    tools = {"MERCATO_HOME", "MERCATO_CHILD_OF"}
    return {k: v for k, v in environ.items() if k.startswith(PREFIX) and k not in tools and v}


def local_servers(servers: Collection[str], env: Mapping[str, str]) -> list[str]:
    """Those of `servers` that no URL in `env` replaces."""
    return [name for name in servers if not env.get(REPLACED_BY[name])]


def with_port_overrides(ports: Ports, env: Mapping[str, str]) -> Ports:
    """The ports as changed by ``MERCATO_PORTS`` (``postgres=5433,grpc.auth=7001``) and the services' own variables.

    Raises `StackMisconfigured` BAD_PORT.
    """
    changes = _pairs(env.get("MERCATO_PORTS", ""))
    for variable, prefix in (("MERCATO_GRPC_PORTS", "grpc"), ("MERCATO_OPS_PORTS", "ops")):
        changes |= {f"{prefix}.{name}": port for name, port in _pairs(env.get(variable, "")).items()}
    if gateway := env.get("MERCATO_GATEWAY_PORT"):
        changes["gateway"] = gateway
    for name, port in changes.items():
        if name not in ports.numbers or not port.isdigit() or not 0 < int(port) < 65536:
            raise StackMisconfigured("BAD_PORT", f"{name}={port}: want one of {', '.join(ports.numbers)} and a number")
    return ports.with_changes({name: int(port) for name, port in changes.items()})


def compose(ports: Ports, user: Mapping[str, str], chains: Iterable[int]) -> dict[str, str]:
    """The whole map: addresses of what runs locally, and over them what the user set."""
    gateway = ports["gateway"]
    names = (f"localhost:{gateway}", f"{HOST}:{gateway}")
    local = {
        "MERCATO_POSTGRES_URL": f"postgresql://{HOST}:{ports['postgres']}",
        "MERCATO_AMQP_URL": f"amqp://guest:guest@{HOST}:{ports['rabbitmq']}/",
        "MERCATO_REDIS_URL": f"redis://{HOST}:{ports['redis']}/0",
        "MERCATO_MONGO_URL": f"mongodb://{HOST}:{ports['mongo']}",
        "MERCATO_S3_URL": f"http://{HOST}:{ports['s3']}",
        "MERCATO_CHAIN_URLS": ",".join(f"{chain}=http://{HOST}:{ports[f'chain.{chain}']}" for chain in chains),
        "MERCATO_SIWE_DOMAINS": ",".join(names),
        "MERCATO_SIWE_URIS": ",".join(f"http://{name}" for name in names),
    }
    listening = {
        "MERCATO_GATEWAY_PORT": str(gateway),
        "MERCATO_GRPC_PORTS": ",".join(f"{name}={ports[f'grpc.{name}']}" for name in SERVICES),
        "MERCATO_OPS_PORTS": ",".join(f"{name}={ports[f'ops.{name}']}" for name in SERVICES),
    }
    return {**local, **user, **listening}


def chain_urls(env: Mapping[str, str]) -> dict[int, str]:
    """Chain id and node URL out of ``MERCATO_CHAIN_URLS`` (``31337=http://…,31338=http://…``)."""
    urls = _pairs(env.get("MERCATO_CHAIN_URLS", ""))
    if bad := [name for name, url in urls.items() if not name.isdigit() or "://" not in url]:
        raise StackMisconfigured("BAD_CHAIN_URL", f"MERCATO_CHAIN_URLS: want 'chain id=url' for {', '.join(bad)}")
    return {int(name): url for name, url in urls.items()}


def _pairs(text: str) -> dict[str, str]:
    pairs = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    return {name.strip(): value.strip() for name, _, value in pairs}
