"""Auth, users and wallets as the gateway calls them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from mercato.kit.ids import Address, ChainId
from mercato.rpc.auth.v1 import auth_pb2
from mercato.rpc.users.v1 import users_pb2
from mercato.rpc.wallets.v1 import wallets_pb2
from mercato.services.gateway.model.keys import Page, PageQuery
from mercato.services.gateway.model.people import (
    Approval,
    ApprovalChange,
    ApprovalQuery,
    Client,
    Nonce,
    Principal,
    Profile,
    ProfileLink,
    Proven,
    Session,
    SessionTokens,
    SignIn,
    SignInRecord,
    User,
    Wallet,
)
from mercato.services.gateway.rpc import wire

if TYPE_CHECKING:
    from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub
    from mercato.rpc.users.v1.users_pb2_grpc import UsersServiceAsyncStub
    from mercato.rpc.wallets.v1.wallets_pb2_grpc import WalletsServiceAsyncStub


_MOST_HELD = 100
"""Wallets that auth takes at once."""


class AuthClient:
    """Sign-in and sessions."""

    def __init__(self, stub: AuthServiceAsyncStub) -> None:
        self._stub = stub

    async def issue_nonce(
        self, address: Address, chain_id: ChainId, domain: str, client: Client, link_user: UUID | None = None
    ) -> Nonce:
        """For signing in, or for linking the address to `link_user`."""
        answer = await self._stub.IssueNonce(
            auth_pb2.IssueNonceRequest(
                address=address,
                chain_id=chain_id.caip2,
                domain=domain,
                client=_client(client),
                link_user_id="" if link_user is None else str(link_user),
            )
        )
        return Nonce(answer.nonce, answer.message, wire.moment(answer.expires_at))

    async def sign_in(self, message: str, signature: bytes, client: Client) -> SignIn:
        answer = await self._stub.SignIn(
            auth_pb2.SignInRequest(message=message, signature=signature, client=_client(client))
        )
        return SignIn(
            tokens=_tokens(answer.tokens),
            user_id=UUID(answer.user_id),
            address=Address(answer.address),
            chain_id=ChainId.parse(answer.chain_id),
            new_user=answer.new_user,
        )

    async def verify_link(self, user_id: UUID, message: str, signature: bytes, client: Client) -> Proven:
        answer = await self._stub.VerifyLink(
            auth_pb2.VerifyLinkRequest(
                user_id=str(user_id), message=message, signature=signature, client=_client(client)
            )
        )
        return Proven(Address(answer.address), ChainId.parse(answer.chain_id), answer.by_key)

    async def revoke_wallet_sessions(
        self, user_id: UUID, wallet_id: UUID, address: Address, chain_id: ChainId
    ) -> list[str]:
        """Ends the sessions that a wallet opened before it was unlinked; returns their ids, also of those that the
        news of it ended first."""
        answer = await self._stub.RevokeWalletSessions(
            auth_pb2.RevokeWalletSessionsRequest(
                user_id=str(user_id), wallet_id=str(wallet_id), address=address, chain_id=chain_id.caip2
            )
        )
        return list(answer.session_ids)

    async def refresh(self, refresh_token: str, client: Client) -> SessionTokens:
        answer = await self._stub.Refresh(auth_pb2.RefreshRequest(refresh_token=refresh_token, client=_client(client)))
        return _tokens(answer.tokens)

    async def revoke_session(self, user_id: UUID, session_id: str) -> list[str]:
        """Ends one of the user's sessions; returns its id. Raises `NotFound` SESSION_NOT_FOUND."""
        await self._stub.RevokeSession(auth_pb2.RevokeSessionRequest(user_id=str(user_id), session_id=session_id))
        return [session_id]

    async def revoke_all_sessions(self, user_id: UUID) -> list[str]:
        """Returns the ids of the sessions that ended."""
        answer = await self._stub.RevokeAllSessions(auth_pb2.RevokeAllSessionsRequest(user_id=str(user_id)))
        return list(answer.session_ids)

    async def find_ended_sessions(self, session_ids: Sequence[str]) -> list[str]:
        """Those that are over; at most 5000 may be asked for."""
        answer = await self._stub.FindEndedSessions(auth_pb2.FindEndedSessionsRequest(session_ids=session_ids))
        return list(answer.session_ids)

    async def list_sessions(self, user_id: UUID, current: str) -> list[Session]:
        """Open sessions; the one whose id is `current` is marked."""
        answer = await self._stub.ListSessions(auth_pb2.ListSessionsRequest(user_id=str(user_id)))
        return [_session(s, current) for s in answer.sessions]

    async def list_sign_ins(self, user_id: UUID, wallets: Iterable[Wallet], page: PageQuery) -> Page[SignInRecord]:
        """What the user did or was refused, and what was refused to others with these wallets of the user."""
        held = [
            auth_pb2.HeldWallet(address=w.address, chain_id=w.chain_id.caip2, since=w.linked_at)
            for w in wallets
            if w.linked_at is not None
        ]
        answer = await self._stub.ListLoginEvents(
            auth_pb2.ListLoginEventsRequest(
                user_id=str(user_id), wallets=held[:_MOST_HELD], page=wire.page_request(page)
            )
        )
        return wire.page(map(_sign_in, answer.events), answer.cursors, answer.page, page)

    async def introspect(self, access_token: str) -> Principal:
        """Raises `Unauthenticated` for a token that is forged, expired or revoked."""
        answer = await self._stub.Introspect(auth_pb2.IntrospectRequest(access_token=access_token))
        return Principal(
            user_id=UUID(answer.user_id),
            session_id=answer.session_id,
            address=Address(answer.address),
            chain_id=ChainId.parse(answer.chain_id),
            roles=tuple(answer.roles),
            expires_at=wire.moment(answer.expires_at),
        )

    async def keys(self) -> str:
        """The public keys of access tokens as a JWK set (RFC 7517), JSON text."""
        answer = await self._stub.GetKeys(auth_pb2.GetKeysRequest())
        return answer.jwks


class UsersClient:
    """Users and their profiles."""

    def __init__(self, stub: UsersServiceAsyncStub) -> None:
        self._stub = stub

    async def batch_users(self, ids: Sequence[UUID]) -> dict[UUID, User]:
        answer = await self._stub.BatchGetUsers(users_pb2.BatchGetUsersRequest(ids=[str(i) for i in ids]))
        return {u.user_id: u for u in map(_user, answer.users)}

    async def find_by_handle(self, handle: str) -> User | None:
        answer = await self._stub.FindUser(users_pb2.FindUserRequest(handle=handle))
        return _user(answer.user) if answer.HasField("user") else None

    async def update_profile(
        self, user_id: UUID, given: Mapping[str, str], links: Sequence[ProfileLink] | None
    ) -> User:
        """Changes the fields that are given, by their names in the protocol; an empty text clears."""
        request = users_pb2.UpdateProfileRequest(user_id=str(user_id))
        for name, value in given.items():
            setattr(request, name, value)
        if links is not None:
            wanted = [users_pb2.ProfileLink(label=link.label, url=link.url) for link in links]
            request.links.CopyFrom(users_pb2.ProfileLinks(links=wanted))
        return _user(await self._stub.UpdateProfile(request))


class WalletsClient:
    """Wallets linked to users."""

    def __init__(self, stub: WalletsServiceAsyncStub) -> None:
        self._stub = stub

    async def batch_wallets(self, user_ids: Sequence[UUID]) -> dict[UUID, list[Wallet]]:
        """The wallets of each user; a user without any is absent."""
        answer = await self._stub.ListWallets(wallets_pb2.ListWalletsRequest(user_ids=[str(i) for i in user_ids]))
        found: dict[UUID, list[Wallet]] = {}
        for wallet in map(_wallet, answer.wallets):
            found.setdefault(wallet.user_id, []).append(wallet)
        return found

    async def find_owner(self, address: Address) -> UUID | None:
        """The user whom an address is linked to."""
        answer = await self._stub.ResolveAddress(wallets_pb2.ResolveAddressRequest(address=address))
        return UUID(answer.user_id) if answer.user_id else None

    async def link(self, user_id: UUID, proven: Proven) -> tuple[Wallet, bool]:
        """The wallet, and whether it is newly linked."""
        answer = await self._stub.LinkWallet(
            wallets_pb2.LinkWalletRequest(
                user_id=str(user_id),
                address=proven.address,
                chain_id=proven.chain_id.caip2,
                proof=wallets_pb2.PROOF_KEY if proven.by_key else wallets_pb2.PROOF_CONTRACT,
                occasion=wallets_pb2.OCCASION_LINK,
            )
        )
        return _wallet(answer.wallet), answer.created

    async def set_primary(self, user_id: UUID, wallet_id: UUID) -> Wallet:
        request = wallets_pb2.SetPrimaryWalletRequest(user_id=str(user_id), wallet_id=str(wallet_id))
        return _wallet(await self._stub.SetPrimaryWallet(request))

    async def unlink(self, user_id: UUID, wallet_id: UUID) -> tuple[Address, ChainId]:
        """What was unlinked."""
        answer = await self._stub.UnlinkWallet(
            wallets_pb2.UnlinkWalletRequest(user_id=str(user_id), wallet_id=str(wallet_id))
        )
        return Address(answer.address), ChainId.parse(answer.chain_id)

    async def list_approvals(self, wanted: ApprovalQuery, query: PageQuery) -> Page[Approval]:
        answer = await self._stub.ListApprovals(
            wallets_pb2.ListApprovalsRequest(
                owners=wanted.owners,
                chain_id=wire.caip2(wanted.chain_id),
                operator=wire.raw(wanted.operator),
                contract=wire.raw(wanted.contract),
                page=wire.page_request(query),
            )
        )
        points = wire.read_points(answer.read_points)
        rows = [_approval(approval, points) for approval in answer.approvals]
        return wire.page(rows, answer.cursors, answer.page, query, points.values())

    async def list_approval_history(self, wanted: ApprovalQuery, query: PageQuery) -> Page[ApprovalChange]:
        answer = await self._stub.ListApprovalHistory(
            wallets_pb2.ListApprovalHistoryRequest(
                owners=wanted.owners,
                chain_id=wire.caip2(wanted.chain_id),
                operator=wire.raw(wanted.operator),
                contract=wire.raw(wanted.contract),
                page=wire.page_request(query),
            )
        )
        points = wire.read_points(answer.read_points)
        rows = [_change(entry, points) for entry in answer.entries]
        return wire.page(rows, answer.cursors, answer.page, query, points.values())


def _client(client: Client) -> auth_pb2.Client:
    return auth_pb2.Client(ip=client.ip, user_agent=client.user_agent)


def _tokens(pair: auth_pb2.TokenPair) -> SessionTokens:
    return SessionTokens(
        access_token=pair.access_token,
        access_token_expires_at=wire.moment(pair.access_expires_at),
        refresh_token=pair.refresh_token,
        refresh_token_expires_at=wire.moment(pair.refresh_expires_at),
    )


def _session(s: auth_pb2.Session, current: str) -> Session:
    return Session(
        session_id=s.id,
        address=Address(s.address),
        chain_id=ChainId.parse(s.chain_id),
        ip=wire.text(s.ip),
        user_agent=wire.text(s.user_agent),
        created_at=wire.find_moment(s.created_at),
        last_used_at=wire.find_moment(s.last_used_at),
        expires_at=wire.find_moment(s.expires_at),
        current=s.id == current,
    )


def _sign_in(e: auth_pb2.LoginEvent) -> SignInRecord:
    return SignInRecord(
        record_id=e.id,
        at=wire.moment(e.at),
        occasion=auth_pb2.LoginOccasion.Name(e.occasion).removeprefix("LOGIN_OCCASION_"),
        succeeded=e.succeeded,
        reason=e.reason,
        address=wire.find_address(e.address),
        chain_id=ChainId.parse(e.chain_id) if e.chain_id else None,
        ip=wire.text(e.ip),
        user_agent=wire.text(e.user_agent),
        session=wire.text(e.session_id),
        session_ended_at=wire.find_moment(e.session_ended_at),
        session_end_reason=wire.text(e.session_end_reason),
    )


def _user(u: users_pb2.User) -> User:
    return User(
        user_id=UUID(u.id),
        address=Address(u.address),
        profile=Profile(
            handle=wire.text(u.profile.handle),
            display_name=wire.text(u.profile.display_name),
            bio=wire.text(u.profile.bio),
            avatar_uri=wire.text(u.profile.avatar_uri),
            links=tuple(ProfileLink(link.label, link.url) for link in u.profile.links),
        ),
        created_at=wire.moment(u.created_at),
        last_login_at=wire.find_moment(u.last_login_at),
    )


def _wallet(w: wallets_pb2.Wallet) -> Wallet:
    return Wallet(
        wallet_id=w.id,
        user_id=UUID(w.user_id),
        address=Address(w.address),
        chain_id=ChainId.parse(w.chain_id),
        primary=w.primary,
        linked_at=wire.find_moment(w.linked_at),
        last_seen_at=wire.find_moment(w.last_seen_at),
    )


def _approval(a: wallets_pb2.Approval, points: wire.ReadPoints) -> Approval:
    return Approval(
        chain_id=ChainId.parse(a.chain_id),
        contract=Address(a.contract),
        owner=Address(a.owner),
        operator=Address(a.operator),
        token_id=int(a.token_id) if a.token_id else None,
        approved=a.approved,
        position=wire.position(a.position, points.get(a.chain_id)),
    )


def _change(e: wallets_pb2.ApprovalEntry, points: wire.ReadPoints) -> ApprovalChange:
    approval = _approval(e.approval, points)
    return ApprovalChange(
        chain_id=approval.chain_id,
        contract=approval.contract,
        owner=approval.owner,
        operator=approval.operator,
        token_id=approval.token_id,
        approved=approval.approved,
        position=approval.position,
        ended_by=wire.position(e.ended_by, points.get(e.approval.chain_id)) if e.HasField("ended_by") else None,
    )
