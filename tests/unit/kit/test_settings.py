"""Settings: frozen, from the environment, and no production without secrets."""

from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from mercato.kit.settings import DATABASES, SERVICES, Settings


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERCATO_RETRY_DELAYS", "0.1, 2")
    monkeypatch.setenv("MERCATO_SIWE_DOMAINS", "a.example,b.example:8080")
    settings = Settings()
    assert settings.delays == (0.1, 2.0)
    assert settings.siwe_domains == ("a.example", "b.example:8080")


def test_settings_do_not_change_after_the_start() -> None:
    with pytest.raises(ValidationError):
        Settings().env = "production"  # type: ignore[misc]


def test_production_refuses_development_secrets_and_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERCATO_ENV", "production")
    monkeypatch.setenv("MERCATO_POSTGRES_PASSWORD", "long and random")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert "MERCATO_S3_SECRET_KEY, MERCATO_JWT_PRIVATE_KEY" in str(caught.value)
    assert "MERCATO_POSTGRES_PASSWORD" not in str(caught.value)


def test_each_database_has_a_role_of_its_own() -> None:
    settings = Settings(postgres_url="postgresql://db.internal:6432/")
    assert settings.database_url("auth_db") == "postgresql://auth_db:mercato@db.internal:6432/auth_db"
    assert len({settings.database_url(d) for d in DATABASES}) == 7


def test_a_server_url_keeps_its_options_and_a_password_any_character() -> None:
    settings = Settings(
        postgres_url="postgresql://db.internal:6432/?sslmode=require", postgres_password=SecretStr("p@ss/w:rd?")
    )
    assert settings.database_url("auth_db") == (
        "postgresql://auth_db:p%40ss%2Fw%3Ard%3F@db.internal:6432/auth_db?sslmode=require"
    )


def test_no_two_services_share_a_port() -> None:
    settings = Settings(grpc_ports="auth=7001", ops_ports="auth=7002", grpc_hosts="auth=auth.internal")
    ports = [settings.grpc_port(s) for s in SERVICES] + [settings.ops_port(s) for s in SERVICES]
    assert len(set(ports)) == len(ports) == 20
    assert settings.grpc_target("auth") == "auth.internal:7001"
    assert settings.ops_port("auth") == 7002
