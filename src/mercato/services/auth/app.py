"""The auth service, composed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from mercato.evm.directory import ChainDirectory
from mercato.kit import grpc, ops, postgres, rabbit, redis
from mercato.kit.ids import Address, new_id
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
from mercato.services.auth.model.policy import SignInPolicy
from mercato.services.auth.model.tokens import SigningKey
from mercato.services.auth.rpc.clients import ChainsClient, UsersClient, WalletsClient
from mercato.services.auth.rpc.servicer import AuthServicer, user_logged_in
from mercato.services.auth.store.keys import KeyStore
from mercato.services.auth.store.limits import RateLimiter
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
        wallets = WalletsClient(await enter(grpc.connected(settings, "wallets", WalletsServiceStub)))
        directory = ChainDirectory(await enter(grpc.connected(settings, "chains", ChainsServiceStub)))
        chains = ChainsClient(await enter(directory))
        nonces = NonceStore(database, client, log)
        sessions = SessionStore(database, client, _access_ttl(settings), log)
        manage = ManageSessions(sessions, _now)
        keys = KeyRing(KeyStore(database), _configured_keys(settings), _access_ttl(settings), _now)
        await keys.load()
        limits = RateLimiter(client, settings.auth_rate_limit, log)
        servicer = compose(
            settings,
            nonces=nonces,
            sessions=sessions,
            manage=manage,
            keys=keys,
            limits=limits,
            chains=chains,
            users=users,
            wallets=wallets,
        )
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


def compose(
    settings: Settings,
    *,
    nonces: NonceStore,
    sessions: SessionStore,
    manage: ManageSessions,
    keys: KeyRing,
    limits: RateLimiter,
    chains: ChainsClient,
    users: Users,
    wallets: Wallets,
) -> AuthServicer:
    """The use cases on their stores."""
    policy = SignInPolicy(settings.siwe_domains, settings.siwe_uris, timedelta(seconds=settings.clock_skew))
    admins = frozenset(Address.parse(text) for text in settings.admin_addresses)
    mint = TokenMint(keys, settings.jwt_issuer, _access_ttl(settings), admins)
    refresh_ttl = timedelta(seconds=settings.refresh_ttl)
    return AuthServicer(
        issue_nonce=IssueNonce(
            policy=policy,
            chains=chains,
            nonces=nonces,
            limits=limits,
            ttl=timedelta(seconds=settings.nonce_ttl),
            clock=_now,
        ),
        sign_in=SignIn(
            policy=policy,
            chains=chains,
            nonces=nonces,
            limits=limits,
            signatures=chains,
            users=users,
            wallets=wallets,
            sessions=sessions,
            mint=mint,
            announce=user_logged_in,
            refresh_ttl=refresh_ttl,
            clock=_now,
            make_id=new_id,
        ),
        refresh=Refresh(
            sessions=sessions, limits=limits, mint=mint, refresh_ttl=refresh_ttl, clock=_now, make_id=new_id
        ),
        introspect=Introspect(keys, sessions, settings.jwt_issuer, _now),
        sessions=manage,
        keys=keys,
    )


def _configured_keys(settings: Settings) -> list[SigningKey]:
    # Many a secret store hands out a PEM as one line with backslash-n for its breaks.
    pem = settings.jwt_private_key.get_secret_value().replace("\\n", "\n")
    return SigningKey.all_from_pem(pem.encode())


def _access_ttl(settings: Settings) -> timedelta:
    return timedelta(seconds=settings.access_ttl)


def _now() -> datetime:
    return datetime.now(UTC)
