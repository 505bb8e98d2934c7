"""Every setting of the system, read once at start from ``MERCATO_*`` variables; frozen afterwards.

A list is written with commas. A production process (``MERCATO_ENV=production``) refuses to start
while a secret still has its development value.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DATABASES = (
    "auth_db",
    "user_db",
    "wallet_db",
    "chain_registry_db",
    "orchestrator_db",
    "indexer_db",
    "catalog_db",
)
"""One PostgreSQL database per bounded context; each is owned by a role of its own name."""

SERVICES = (
    "gateway", "auth", "users", "wallets", "chains", "media", "orchestrator", "indexer", "catalog", "subscriptions",
)  # fmt: skip

_GRPC_BASE = 9050  # below the ports that outgoing connections get (32768 and up on Linux)
_OPS_BASE = 9100

CommaList = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Field names are the variable names without their prefix: `amqp_url` is ``MERCATO_AMQP_URL``."""

    model_config = SettingsConfigDict(env_prefix="MERCATO_", frozen=True, extra="ignore")

    env: Literal["development", "production"] = "development"
    host: str = Field("127.0.0.1", description="address every listener binds")

    # --- stores -------------------------------------------------------------------------------
    postgres_url: str = Field(
        "postgresql://127.0.0.1:5432",
        description="server part; database, role and password are added per service",
    )
    postgres_password: SecretStr = Field(SecretStr("mercato"), description="password of the seven roles")
    postgres_pool: int = Field(8, description="connections per service process at most")
    amqp_url: str = "amqp://guest:guest@127.0.0.1:5672/"
    redis_url: str = "redis://127.0.0.1:6379/0"
    mongo_url: str = "mongodb://127.0.0.1:27017"
    s3_url: str = "http://127.0.0.1:8333"
    s3_bucket: str = "mercato-media"
    s3_access_key: str = "mercato"
    s3_secret_key: SecretStr = SecretStr("mercato-secret")
    ipfs_api_url: str = Field("", description="Kubo RPC to pin to as well; empty: S3 only")
    ipfs_gateway_url: str = Field("https://ipfs.io", description="where ipfs:// is read when it is not our own")

    # --- where the services listen ------------------------------------------------------------
    grpc_ports: str = Field("", description="overrides: 'auth=50061,users=50062'")
    ops_ports: str = Field("", description="overrides of the /metrics /healthz /readyz ports")
    grpc_hosts: str = Field("", description="where to reach a service: 'auth=auth.internal,…'; default `host`")
    gateway_port: int = 8080
    trusted_proxies: str = Field("", description="addresses whose X-Forwarded-For is believed, with commas")
    web_dir: str = Field("", description="the built web page; empty: web/dist of the checkout")
    grpc_deadline: float = Field(5.0, description="seconds a call may take when the caller set none")

    # --- identity -----------------------------------------------------------------------------
    siwe_domains: CommaList = ("localhost:8080", "127.0.0.1:8080")
    siwe_uris: CommaList = Field(
        ("http://localhost:8080", "http://127.0.0.1:8080"), description="origins a sign-in may name"
    )
    nonce_ttl: int = Field(300, description="seconds")
    access_ttl: int = Field(900, description="seconds an access token lives")
    refresh_ttl: int = Field(30 * 86400, description="seconds a refresh token lives")
    contract_session_ttl: int = Field(
        7 * 86400, description="seconds after which a contract wallet signs in again, however often it refreshes"
    )
    clock_skew: int = Field(30, description="seconds a message time may be off")
    jwt_private_key: SecretStr = Field(
        SecretStr(""),
        description="Ed25519 PEMs of the auth service: the first signs, the others are believed; "
        "empty in development: made at start",
    )
    jwt_issuer: str = "mercato"
    handle_hold: int = Field(30 * 86400, description="seconds for which a handle somebody gave up is theirs alone")
    auth_rate_limit: int = Field(120, description="nonce and sign-in requests per minute and IP or nonce")
    auth_address_limit: int = Field(
        1200, description="the same for one wallet from everywhere, except where it signed in lately"
    )
    admin_addresses: CommaList = Field(
        (), description="accounts by their own key ('0x…'), and contract wallets with their chain ('eip155:1:0x…')"
    )

    # --- messages -----------------------------------------------------------------------------
    retry_delays: CommaList = Field(("5", "30", "120", "600"), description="seconds before try 2, 3, 4 and 5")
    prefetch: int = 32
    delivery_limit: int = Field(20, description="redeliveries of a message whose consumer dies, then it is parked")
    publish_timeout: float = Field(10.0, description="seconds to wait for a broker's confirm")

    # --- chain --------------------------------------------------------------------------------
    poll_interval: float = Field(0.05, description="seconds between two looks at a head that does not move")
    announced_poll_interval: float = Field(
        0.5, description="the same while a node's WebSocket announces each block before it is found"
    )
    log_range: int = Field(100, description="blocks asked of eth_getLogs at first; adapts")
    intent_ttl: int = Field(3600, description="seconds a prepared intent waits for its transaction")
    intent_poll_interval: float = 0.1
    intent_drop_after: float = Field(
        600.0, description="seconds for which no node knows a reported transaction, until it counts as dropped"
    )

    chain_secrets_key: SecretStr = Field(
        SecretStr(""),
        description="32 bytes as base64 that seal the headers of chain endpoints at rest; empty: stored as they are. "
        "With commas: the first seals, all open",
    )

    # --- limits -------------------------------------------------------------------------------
    upload_limit: int = Field(20 * 2**20, description="bytes of one upload")
    metadata_limit: int = Field(2**20, description="bytes of one metadata document")
    fetch_timeout: float = Field(10.0, description="seconds for one outside metadata fetch")
    push_kept_events: int = Field(10_000, description="events kept for each watched channel, about 400 bytes each")
    push_kept_seconds: int = Field(3600, description="how long they are kept: a cursor is good for so long")
    persisted_query_ttl: int = Field(7 * 86400, description="seconds a persisted query is kept after its last use")
    persisted_queries: int = Field(5000, description="persisted queries kept at most, 16 KiB each")
    trusted_documents: str = Field("", description="a file of `mercato documents`: then nothing else runs")
    query_depth: int = 12
    query_cost: int = 20_000
    query_aliases: int = 30
    query_selections: int = Field(600, description="fields and fragments written in one document")
    page_limit: int = 100
    read_cache: bool = Field(True, description="whether anonymous reads may be answered again from Redis")
    read_cache_ttl: float = Field(60.0, description="seconds for which such an answer is kept at most")
    read_cache_limit: int = Field(512 * 1024, description="bytes of an answer that is kept")
    read_cache_first: bool = Field(False, description="whether that begins with the first request, not the second")

    # --- watching -----------------------------------------------------------------------------
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    otlp_url: str = Field("", description="OTLP/HTTP collector; empty: traces are propagated, not exported")

    @field_validator("siwe_domains", "siwe_uris", "admin_addresses", "retry_delays", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(p.strip() for p in value.split(",") if p.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _production_has_secrets(self) -> Settings:
        if self.env != "production":
            return self
        weak = [
            name
            for name, value in (
                ("MERCATO_POSTGRES_PASSWORD", self.postgres_password.get_secret_value() == "mercato"),
                ("MERCATO_S3_SECRET_KEY", self.s3_secret_key.get_secret_value() == "mercato-secret"),
                ("MERCATO_JWT_PRIVATE_KEY", not self.jwt_private_key.get_secret_value()),
            )
            if value
        ]
        if weak:
            raise ValueError(f"production needs its own value for {', '.join(weak)}")
        return self

    def database_url(self, database: str) -> str:
        """The URL of one of `DATABASES`, with the role that owns it."""
        server = urlsplit(self.postgres_url)
        password = quote(self.postgres_password.get_secret_value(), safe="")
        host = server.netloc.rpartition("@")[2]
        return urlunsplit((server.scheme, f"{database}:{password}@{host}", f"/{database}", server.query, ""))

    def grpc_port(self, service: str) -> int:
        return self._grpc_ports.get(service, _GRPC_BASE + SERVICES.index(service))

    def ops_port(self, service: str) -> int:
        return self._ops_ports.get(service, _OPS_BASE + SERVICES.index(service))

    def grpc_target(self, service: str) -> str:
        """``host:port`` under which another service is called."""
        host = _pairs(self.grpc_hosts).get(service, self.host)
        return f"{host}:{self.grpc_port(service)}"

    @property
    def delays(self) -> tuple[float, ...]:
        """The retry ladder in seconds."""
        return tuple(float(d) for d in self.retry_delays)

    @cached_property
    def _grpc_ports(self) -> dict[str, int]:
        return {k: int(v) for k, v in _pairs(self.grpc_ports).items()}

    @cached_property
    def _ops_ports(self) -> dict[str, int]:
        return {k: int(v) for k, v in _pairs(self.ops_ports).items()}


def _pairs(text: str) -> dict[str, str]:
    return dict(p.strip().split("=", 1) for p in text.split(",") if p.strip())
