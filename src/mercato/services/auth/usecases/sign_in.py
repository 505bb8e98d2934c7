"""Sign-in, from the nonce to the open session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from mercato.kit.errors import Category, Conflict, InvalidArgument, MercatoError, Unauthenticated
from mercato.kit.ids import Address, ChainId, SessionId, UserId
from mercato.kit.messages import Outgoing
from mercato.services.auth.model import siwe
from mercato.services.auth.model.nonces import Nonce, check_nonce, new_nonce
from mercato.services.auth.model.policy import SignInPolicy, check_statement
from mercato.services.auth.model.sessions import (
    LINK_PROVEN,
    SIGNED_IN,
    Client,
    Evidence,
    Lifetimes,
    LoginEvent,
    Proof,
    Session,
)
from mercato.services.auth.model.siwe import SiweMessage
from mercato.services.auth.model.tokens import new_refresh_token, refresh_token_hash
from mercato.services.auth.usecases.ports import (
    Chains,
    Clock,
    KnownUser,
    Limits,
    Nonces,
    Sessions,
    Signatures,
    Users,
    Wallets,
)
from mercato.services.auth.usecases.tokens import TokenMint, TokenPair

_MESSAGE_LIMIT = 8192

# A wallet changed hands between the question whose it is and the link, or its twin on another chain came first; asked
# again, the answer is the new one.
_MOVED = {"WALLET_OF_ANOTHER_USER", "WALLET_UNLINKED", "CONTRACT_ON_OTHER_CHAIN"}

# A caller over the limit must not fill the log, and an outage says nothing about the caller.
_UNRECORDED = {Category.RATE_LIMITED, Category.UNAVAILABLE, Category.INTERNAL}


@dataclass(frozen=True)
class Issued:
    nonce: Nonce
    message: str


@dataclass(frozen=True)
class Proven:
    """A wallet that agreed to be linked."""

    address: Address
    chain: ChainId
    proof: Proof


@dataclass(frozen=True)
class SignedIn:
    session: Session
    tokens: TokenPair
    new_user: bool


class IssueNonce:
    """Makes a nonce bound to address, chain and domain, and the message that carries it."""

    def __init__(
        self, *, policy: SignInPolicy, chains: Chains, nonces: Nonces, limits: Limits, ttl: timedelta, clock: Clock
    ) -> None:
        self._policy = policy
        self._chains = chains
        self._nonces = nonces
        self._limits = limits
        self._ttl = ttl
        self._clock = clock

    async def run(
        self, address: Address, chain: ChainId, domain: str, client: Client, link_user: UserId | None = None
    ) -> Issued:
        """To sign in, or to link the address to `link_user`.

        Raises `RateLimited`, `InvalidArgument` SIWE_CHAIN_UNKNOWN or SIWE_DOMAIN_NOT_ALLOWED.
        """
        await self._limits.charge({"ip": client.network, "address": address.text})
        if chain not in await self._chains.served():
            raise InvalidArgument("SIWE_CHAIN_UNKNOWN", f"{chain.caip2} is not served here")
        # Whole seconds, as the message states them: nonce and message end together.
        now = self._clock().replace(microsecond=0)
        draft = self._policy.draft(
            domain=domain,
            address=address,
            chain=chain,
            nonce=new_nonce(),
            now=now,
            expires_at=now + self._ttl,
            link_user=link_user,
        )
        nonce = Nonce(draft.nonce, address, chain, draft.domain, now + self._ttl, link_user=link_user)
        await self._nonces.add(nonce, now)
        return Issued(nonce, siwe.render(draft))


class SignIn:
    """Checks what is cheap first, uses the nonce up once and for all, and only then makes anything.

    A crash after the nonce is used leaves at most a used nonce, a user or a wallet, never half a session: the user
    asks for another nonce and meets the same user and wallet again.
    """

    def __init__(
        self,
        *,
        policy: SignInPolicy,
        chains: Chains,
        nonces: Nonces,
        limits: Limits,
        signatures: Signatures,
        users: Users,
        wallets: Wallets,
        sessions: Sessions,
        mint: TokenMint,
        announce: Callable[[Session], Outgoing],
        lifetimes: Lifetimes,
        clock: Clock,
        make_id: Callable[[], UUID],
    ) -> None:
        self._policy = policy
        self._chains = chains
        self._nonces = nonces
        self._limits = limits
        self._signatures = signatures
        self._users = users
        self._wallets = wallets
        self._sessions = sessions
        self._mint = mint
        self._announce = announce
        self._lifetimes = lifetimes
        self._clock = clock
        self._make_id = make_id

    async def run(self, text: str, signature: bytes, client: Client) -> SignedIn:
        """Raises `RateLimited` or the refusal, which is then in the log of sign-ins under its reason."""
        message: SiweMessage | None = None
        try:
            message = await self._read(text, client)
            proof = await self._verify(message, text, signature, None)
            evidence = Evidence(text, signature) if proof is Proof.CONTRACT else None
            return await self._admit(message, proof, evidence, client)
        except MercatoError as error:
            await self._refused(error, client, message, None)
            raise

    async def prove_link(self, user_id: UserId, text: str, signature: bytes, client: Client) -> Proven:
        """Checks by the rules of a sign-in what a wallet signed that `user_id` wants to link, and uses the nonce up.

        Makes nothing. Raises as `run` does.
        """
        message: SiweMessage | None = None
        try:
            message = await self._read(text, client)
            proof = await self._verify(message, text, signature, user_id)
            await self._consume(message, user_id)
            await self._sessions.record(self._event(LINK_PROVEN, client, message, user_id))
            return Proven(message.address, message.chain, proof)
        except MercatoError as error:
            await self._refused(error, client, message, user_id)
            raise

    async def _refused(
        self, error: MercatoError, client: Client, message: SiweMessage | None, link_user: UserId | None
    ) -> None:
        if error.category not in _UNRECORDED:
            await self._sessions.record(self._event(error.reason, client, message, link_user))

    async def _read(self, text: str, client: Client) -> SiweMessage:
        try:
            if len(text) > _MESSAGE_LIMIT:
                raise InvalidArgument("SIWE_MALFORMED", f"at most {_MESSAGE_LIMIT} characters", field="message")
            message = siwe.parse(text)
        except InvalidArgument:
            await self._limits.charge({"ip": client.network})
            raise
        await self._limits.charge({"ip": client.network, "address": message.address.text, "nonce": message.nonce})
        return message

    async def _verify(self, message: SiweMessage, text: str, signature: bytes, link_user: UserId | None) -> Proof:
        now = self._clock()
        self._policy.check(message, await self._chains.served(), now)
        check_statement(message, link_user)
        check_nonce(message, await self._nonces.find(message.nonce), now, link_user)
        # The signature comes before the nonce is used: a wrong one must not cost the owner the nonce.
        proof = await self._signatures.prove(text, signature, message.address, message.chain)
        if proof is None:
            raise Unauthenticated("SIGNATURE_INVALID", f"not a signature of this message by {message.address}")
        return proof

    async def _admit(self, message: SiweMessage, proof: Proof, evidence: Evidence | None, client: Client) -> SignedIn:
        await self._consume(message, None)
        try:
            user, wallet_id = await self._enter(message, proof)
        except Conflict as error:
            if error.reason not in _MOVED:
                raise
            user, wallet_id = await self._enter(message, proof)
        session = self._session(message, proof, user, wallet_id, client)
        refresh_token = new_refresh_token()
        await self._sessions.open(
            session,
            message.nonce,
            refresh_token_hash(refresh_token),
            self._event(SIGNED_IN, client, message, session.user_id, session.id),
            self._announce(session),
            evidence,
        )
        await self._still_linked(session)
        await self._limits.trust(client.network, message.address.text)
        return SignedIn(session, self._mint.pair(session, refresh_token, session.created_at), user.created)

    async def _enter(self, message: SiweMessage, proof: Proof) -> tuple[KnownUser, UUID]:
        """The user whose wallet this is, or a new one, and the wallet's id; with a linked wallet, the user it was
        linked to."""
        owned = await self._wallets.resolve(message.address, message.chain, proof)
        if owned.user_id is None:
            user = await self._users.ensure(message.address, owned.left)
        else:
            user = KnownUser(owned.user_id, created=False)
        return user, await self._wallets.link(user.id, message.address, message.chain, proof)

    async def _consume(self, message: SiweMessage, link_user: UserId | None) -> None:
        now = self._clock()
        if await self._nonces.consume(message.nonce, message.address, message.chain, message.domain, now):
            return
        check_nonce(message, await self._nonces.find_true(message.nonce), now, link_user)
        raise Unauthenticated("NONCE_USED", "this message was used already; ask for a new nonce")

    async def _still_linked(self, session: Session) -> None:
        """An unlinked wallet ends the sessions there are; one that opened in between would outlive that. If the link
        stands now, its end is still to be heard of, and finds this session."""
        owned = await self._wallets.resolve(session.address, session.chain, session.proof)
        if session.wallet_id not in owned.wallets:
            await self._sessions.revoke(session.id, self._clock(), "WALLET_UNLINKED")
            raise Unauthenticated("WALLET_UNLINKED", "this wallet was unlinked while it signed in; sign in again")

    def _session(self, message: SiweMessage, proof: Proof, user: KnownUser, wallet_id: UUID, client: Client) -> Session:
        now = self._clock()
        return Session(
            id=SessionId(self._make_id()),
            user_id=user.id,
            address=message.address,
            chain=message.chain,
            proof=proof,
            client=client,
            created_at=now,
            last_used_at=now,
            expires_at=self._lifetimes.end(proof, now, now),
            wallet_id=wallet_id,
        )

    def _event(
        self,
        reason: str,
        client: Client,
        message: SiweMessage | None,
        user_id: UserId | None,
        session_id: SessionId | None = None,
    ) -> LoginEvent:
        return LoginEvent(
            id=self._make_id(),
            at=self._clock(),
            reason=reason,
            client=client,
            user_id=user_id,
            session_id=session_id,
            address=None if message is None else message.address,
            chain=None if message is None else message.chain,
        )
