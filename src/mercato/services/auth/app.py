"""The auth service, composed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from mercato.evm.directory import ChainDirectory
from mercato.kit import grpc, ops, postgres, rabbit, redis
from mercato.kit.ids import new_id
from mercato.kit.logging import get_logger
from mercato.kit.outbox import OutboxRelay
from mercato.kit.settings import Settings
from mercato.kit.tasks import looping
from mercato.rpc.auth.v1.auth_pb2_grpc import add_AuthServiceServicer_to_server
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub
from mercato.rpc.users.v1.users_pb2_grpc import UsersServiceStub
from mercato.rpc.wallets.v1.wallets_pb2_grpc import WalletsServiceStub
from mercato.services.auth import jobs
from mercato.services.auth.consumers import UNLINKED_CONSUMER, OnWalletUnlinked
from mercato.services.auth.model.admins import Admins
from mercato.services.auth.model.policy import SignInPolicy
from mercato.services.auth.model.sessions import Lifetimes
from mercato.services.auth.model.tokens import SigningKey
from mercato.services.auth.rpc.clients import ChainsClient, UsersClient, WalletsClient
from mercato.services.auth.rpc.servicer import AuthServicer, user_logged_in
from mercato.services.auth.store.keys import KeyStore
from mercato.services.auth.store.limits import RateLimiter
from mercato.services.auth.store.logins import LoginEventStore
from mercato.services.auth.store.nonces import NonceStore
from mercato.services.auth.store.sessions import SessionStore
from mercato.services.auth.usecases.keys import KeyRing
from mercato.services.auth.usecases.ports import Users, Wallets
from mercato.services.auth.usecases.sessions import Introspect, ManageSessions, Refresh
from mercato.services.auth.usecases.sign_in import IssueNonce, SignIn
from mercato.services.auth.usecases.tokens import TokenMint


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    """Runs the service until the block ends."""
    log = get_logger("auth")
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        database = await enter(postgres.connected(settings, "auth_db"))
        client = await enter(redis.connected(settings))
        broker = await enter(rabbit.connected(settings, "auth"))
        users = UsersClient(await enter(grpc.connected(settings, "users", UsersServiceStub)))
        wallets = WalletsClient(await enter(grpc.connected(settings, "wallets", WalletsServiceStub)), log)
        directory = ChainDirectory(await enter(grpc.connected(settings, "chains", ChainsServiceStub)))
        chains = ChainsClient(await enter(directory))
        sessions = SessionStore(database, client, _access_ttl(settings), log)
        manage = ManageSessions(sessions, _now)
        keys = KeyRing(KeyStore(database), _configured_keys(settings), _access_ttl(settings), _now)
        await keys.load()
        limits = RateLimiter(client, settings.auth_rate_limit, settings.auth_address_limit, log)
        nonces = NonceStore(database, client, log)
        ports = Ports(nonces, sessions, LoginEventStore(database), keys, limits, chains, users, wallets)
        servicer = compose(settings, ports, manage)
        await enter(looping(log, "outbox", OutboxRelay(database, broker.publisher).run))
        await enter(looping(log, "keys", partial(jobs.keep_keys, keys)))
        await enter(looping(log, "blacklist", partial(jobs.keep_blacklist, sessions, _now)))
        await enter(looping(log, "purge", partial(jobs.purge, nonces, sessions, _now)))
        await enter(broker.consuming(UNLINKED_CONSUMER, OnWalletUnlinked(manage)))
        await enter(
            grpc.serving(
                settings, "auth", [(add_AuthServiceServicer_to_server, servicer, "mercato.auth.v1.AuthService")]
            )
        )
        await enter(ops.serving(settings, "auth", {"postgres": database.check, "rabbitmq": broker.check}))
        yield


@dataclass(frozen=True)
class Ports:
    """What the use cases stand on."""

    nonces: NonceStore
    sessions: SessionStore
    logins: LoginEventStore
    keys: KeyRing
    limits: RateLimiter
    chains: ChainsClient
    users: Users
    wallets: Wallets


def compose(settings: Settings, ports: Ports, manage: ManageSessions) -> AuthServicer:
    """The use cases on their ports."""
    policy = SignInPolicy(settings.siwe_domains, settings.siwe_uris, timedelta(seconds=settings.clock_skew))
    mint = TokenMint(ports.keys, settings.jwt_issuer, _access_ttl(settings), Admins.parse(settings.admin_addresses))
    lifetimes = Lifetimes(timedelta(seconds=settings.refresh_ttl), timedelta(seconds=settings.contract_session_ttl))
    return AuthServicer(
        issue_nonce=IssueNonce(
            policy=policy,
            chains=ports.chains,
            nonces=ports.nonces,
            limits=ports.limits,
            ttl=timedelta(seconds=settings.nonce_ttl),
            clock=_now,
        ),
        sign_in=_sign_in(ports, policy, mint, lifetimes),
        refresh=Refresh(
            sessions=ports.sessions,
            limits=ports.limits,
            signatures=ports.chains,
            wallets=ports.wallets,
            mint=mint,
            lifetimes=lifetimes,
            clock=_now,
            make_id=new_id,
        ),
        introspect=Introspect(ports.keys, ports.sessions, settings.jwt_issuer, _now),
        sessions=manage,
        keys=ports.keys,
        logins=ports.logins,
    )


def _sign_in(ports: Ports, policy: SignInPolicy, mint: TokenMint, lifetimes: Lifetimes) -> SignIn:
    return SignIn(
        policy=policy,
        chains=ports.chains,
        nonces=ports.nonces,
        limits=ports.limits,
        signatures=ports.chains,
        users=ports.users,
        wallets=ports.wallets,
        sessions=ports.sessions,
        mint=mint,
        announce=user_logged_in,
        lifetimes=lifetimes,
        clock=_now,
        make_id=new_id,
    )


def _configured_keys(settings: Settings) -> list[SigningKey]:
    # Many a secret store hands out a PEM as one line with backslash-n for its breaks.
    pem = settings.jwt_private_key.get_secret_value().replace("\\n", "\n")
    return SigningKey.all_from_pem(pem.encode())


def _access_ttl(settings: Settings) -> timedelta:
    return timedelta(seconds=settings.access_ttl)


def _now() -> datetime:
    return datetime.now(UTC)
