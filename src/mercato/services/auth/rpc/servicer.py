"""AuthService over gRPC: parse, call the use case, render; and the event that tells of a sign-in."""

from __future__ import annotations

from typing import Any

from grpc import aio

from mercato.kit import messages, topology
from mercato.kit.ids import Address, ChainId, SessionId, UserId, parse_id
from mercato.kit.messages import Outgoing
from mercato.rpc.auth.v1 import auth_pb2 as pb
from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceServicer
from mercato.rpc.events.v1 import events_pb2
from mercato.services.auth.model.sessions import Client, Link, Proof, Session
from mercato.services.auth.rpc.logins import Logins, list_login_events
from mercato.services.auth.usecases.keys import KeyRing
from mercato.services.auth.usecases.sessions import Introspect, ManageSessions, Refresh
from mercato.services.auth.usecases.sign_in import IssueNonce, SignIn
from mercato.services.auth.usecases.tokens import TokenPair

Context = aio.ServicerContext[Any, Any]


class AuthServicer(AuthServiceServicer):
    def __init__(
        self,
        *,
        issue_nonce: IssueNonce,
        sign_in: SignIn,
        refresh: Refresh,
        introspect: Introspect,
        sessions: ManageSessions,
        keys: KeyRing,
        logins: Logins,
    ) -> None:
        self._issue_nonce = issue_nonce
        self._sign_in = sign_in
        self._refresh = refresh
        self._introspect = introspect
        self._sessions = sessions
        self._keys = keys
        self._logins = logins

    async def IssueNonce(self, request: pb.IssueNonceRequest, context: Context) -> pb.IssueNonceResponse:
        issued = await self._issue_nonce.run(
            Address(request.address),
            ChainId.parse(request.chain_id),
            request.domain,
            _client(request.client),
            UserId(parse_id(request.link_user_id, "link_user_id")) if request.link_user_id else None,
        )
        return pb.IssueNonceResponse(
            nonce=issued.nonce.value, expires_at=issued.nonce.expires_at, message=issued.message
        )

    async def SignIn(self, request: pb.SignInRequest, context: Context) -> pb.SignInResponse:
        signed_in = await self._sign_in.run(request.message, request.signature, _client(request.client))
        return pb.SignInResponse(
            tokens=_tokens(signed_in.tokens),
            user_id=str(signed_in.session.user_id),
            session_id=str(signed_in.session.id),
            address=signed_in.session.address,
            chain_id=signed_in.session.chain.caip2,
            new_user=signed_in.new_user,
        )

    async def VerifyLink(self, request: pb.VerifyLinkRequest, context: Context) -> pb.VerifyLinkResponse:
        proven = await self._sign_in.prove_link(
            UserId(parse_id(request.user_id, "user_id")), request.message, request.signature, _client(request.client)
        )
        return pb.VerifyLinkResponse(
            address=proven.address, chain_id=proven.chain.caip2, by_key=proven.proof is Proof.KEY
        )

    async def Refresh(self, request: pb.RefreshRequest, context: Context) -> pb.RefreshResponse:
        pair = await self._refresh.run(request.refresh_token, _client(request.client))
        return pb.RefreshResponse(tokens=_tokens(pair))

    async def RevokeSession(self, request: pb.RevokeSessionRequest, context: Context) -> pb.RevokeSessionResponse:
        await self._sessions.revoke(
            UserId(parse_id(request.user_id, "user_id")), SessionId(parse_id(request.session_id, "session_id"))
        )
        return pb.RevokeSessionResponse()

    async def RevokeAllSessions(
        self, request: pb.RevokeAllSessionsRequest, context: Context
    ) -> pb.RevokeAllSessionsResponse:
        revoked = await self._sessions.revoke_all(UserId(parse_id(request.user_id, "user_id")))
        return pb.RevokeAllSessionsResponse(revoked=len(revoked), session_ids=map(str, revoked))

    async def RevokeWalletSessions(
        self, request: pb.RevokeWalletSessionsRequest, context: Context
    ) -> pb.RevokeWalletSessionsResponse:
        link = Link(
            wallet_id=parse_id(request.wallet_id, "wallet_id"),
            user_id=UserId(parse_id(request.user_id, "user_id")),
            address=Address(request.address),
            chain=ChainId.parse(request.chain_id),
        )
        revoked = await self._sessions.revoke_of_wallet(link)
        return pb.RevokeWalletSessionsResponse(revoked=len(revoked), session_ids=map(str, revoked))

    async def ListSessions(self, request: pb.ListSessionsRequest, context: Context) -> pb.ListSessionsResponse:
        sessions = await self._sessions.list_live(UserId(parse_id(request.user_id, "user_id")))
        return pb.ListSessionsResponse(sessions=map(_session, sessions))

    async def ListLoginEvents(self, request: pb.ListLoginEventsRequest, context: Context) -> pb.ListLoginEventsResponse:
        return await list_login_events(self._logins, request)

    async def Introspect(self, request: pb.IntrospectRequest, context: Context) -> pb.Principal:
        principal = await self._introspect.run(request.access_token)
        return pb.Principal(
            user_id=str(principal.user_id),
            session_id=str(principal.session_id),
            address=principal.address,
            chain_id=principal.chain.caip2,
            roles=principal.roles,
            expires_at=principal.expires_at,
        )

    async def FindEndedSessions(
        self, request: pb.FindEndedSessionsRequest, context: Context
    ) -> pb.FindEndedSessionsResponse:
        asked = [SessionId(parse_id(text, "session_ids")) for text in request.session_ids]
        return pb.FindEndedSessionsResponse(session_ids=map(str, await self._sessions.find_ended(asked)))

    async def GetKeys(self, request: pb.GetKeysRequest, context: Context) -> pb.GetKeysResponse:
        return pb.GetKeysResponse(jwks=self._keys.jwks())

    async def RotateKey(self, request: pb.RotateKeyRequest, context: Context) -> pb.RotateKeyResponse:
        return pb.RotateKeyResponse(kid=await self._keys.rotate())


def user_logged_in(session: Session) -> Outgoing:
    """auth.events · user.logged_in; its id is the session's, so a session is announced as one event."""
    event = events_pb2.UserLoggedIn(
        user_id=str(session.user_id),
        session_id=str(session.id),
        address=session.address,
        chain_id=session.chain.caip2,
        occurred_at=session.created_at,
    )
    return messages.outgoing(topology.AUTH_EVENTS, topology.USER_LOGGED_IN, event, message_id=str(session.id))


def _client(client: pb.Client) -> Client:
    return Client.of(client.ip, client.user_agent)


def _tokens(pair: TokenPair) -> pb.TokenPair:
    return pb.TokenPair(
        access_token=pair.access_token,
        access_expires_at=pair.access_expires_at,
        refresh_token=pair.refresh_token,
        refresh_expires_at=pair.refresh_expires_at,
    )


def _session(session: Session) -> pb.Session:
    return pb.Session(
        id=str(session.id),
        address=session.address,
        chain_id=session.chain.caip2,
        ip=session.client.ip,
        user_agent=session.client.user_agent,
        created_at=session.created_at,
        last_used_at=session.last_used_at,
        expires_at=session.expires_at,
    )
