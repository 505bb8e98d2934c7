"""The one map of settings that every process of a stack gets."""

from __future__ import annotations

import pytest

from mercato.kit.settings import SERVICES
from mercato.stack.environment import chain_urls, compose, given, local_servers, settings_of
from mercato.stack.errors import StackMisconfigured
from mercato.stack.ports import Ports
from mercato.stack.servers import REPLACED_BY, SERVERS

CHAINS = (31337, 31338)
PORTS = Ports.default(CHAINS, 1000)


def test_services_find_servers_and_each_other_by_the_map_alone() -> None:
    settings = settings_of(compose(PORTS, {}, CHAINS))
    assert settings.database_url("auth_db") == "postgresql://auth_db:mercato@127.0.0.1:6432/auth_db"
    assert settings.amqp_url == "amqp://guest:guest@127.0.0.1:6672/"
    assert settings.mongo_url == "mongodb://127.0.0.1:28017"
    assert settings.redis_url == "redis://127.0.0.1:7379/0"
    assert settings.s3_url == "http://127.0.0.1:9333"
    assert [settings.grpc_port(name) for name in SERVICES] == [PORTS[f"grpc.{name}"] for name in SERVICES]
    assert [settings.ops_port(name) for name in SERVICES] == [PORTS[f"ops.{name}"] for name in SERVICES]
    assert settings.gateway_port == 9080


def test_a_moved_gateway_is_still_a_domain_one_may_sign_in_to() -> None:
    settings = settings_of(compose(PORTS, {}, CHAINS))
    assert settings.siwe_domains == ("localhost:9080", "127.0.0.1:9080")
    assert settings.siwe_uris == ("http://localhost:9080", "http://127.0.0.1:9080")


def test_what_the_user_set_wins_over_what_the_stack_would_say() -> None:
    user = {"MERCATO_REDIS_URL": "redis://elsewhere:6379/3", "MERCATO_RETRY_DELAYS": "1,2"}
    settings = settings_of(compose(PORTS, user, CHAINS))
    assert settings.redis_url == "redis://elsewhere:6379/3"
    assert settings.delays == (1.0, 2.0)


def test_settings_out_of_a_map_ignore_the_environment_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERCATO_LOG_LEVEL", "error")
    monkeypatch.setenv("MERCATO_AMQP_URL", "amqp://production/")
    settings = settings_of(compose(PORTS, {}, CHAINS))
    assert (settings.log_level, settings.amqp_url) == ("info", "amqp://guest:guest@127.0.0.1:6672/")


def test_a_setting_that_cannot_be_read_is_named() -> None:
    with pytest.raises(StackMisconfigured, match="BAD_SETTING: MERCATO_PREFETCH"):
        settings_of({"MERCATO_PREFETCH": "many"})


@pytest.mark.parametrize("server", SERVERS)
def test_a_url_takes_the_place_of_a_server(server: str) -> None:
    assert local_servers(SERVERS, {REPLACED_BY[server]: "x://y"}) == [name for name in SERVERS if name != server]


def test_an_empty_url_takes_no_place() -> None:
    assert local_servers(SERVERS, {"MERCATO_AMQP_URL": ""}) == list(SERVERS)


def test_only_settings_are_handed_on_from_the_environment() -> None:
    environ = {"HOME": "/x", "MERCATO_HOME": "/y", "MERCATO_LOG_LEVEL": "debug", "MERCATO_AMQP_URL": ""}
    assert given(environ) == {"MERCATO_LOG_LEVEL": "debug"}


def test_chains_are_read_in_the_order_they_are_written() -> None:
    urls = chain_urls({"MERCATO_CHAIN_URLS": "31338=http://a:1, 31337=http://b:2/key"})
    assert list(urls.items()) == [(31338, "http://a:1"), (31337, "http://b:2/key")]


@pytest.mark.parametrize("text", ["http://a:1", "main=http://a:1", "1=a:1"])
def test_a_chain_without_id_or_url_is_refused(text: str) -> None:
    with pytest.raises(StackMisconfigured, match="BAD_CHAIN_URL"):
        chain_urls({"MERCATO_CHAIN_URLS": text})
