"""What the use cases need of the world around them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from mercato.kit.ids import Address, ChainId, SessionId, UserId
from mercato.kit.messages import Outgoing
from mercato.services.auth.model.nonces import Nonce
from mercato.services.auth.model.sessions import Evidence, Link, LoginEvent, Proof, Refusal, Session
from mercato.services.auth.model.tokens import SigningKey

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class KnownUser:
    """The user of an address; `created` when this call made it."""

    id: UserId
    created: bool


@dataclass(frozen=True)
class Ownership:
    """Whose an address is, if anybody's, by which links, and the users who are not to be entered with it."""

    user_id: UserId | None
    left: Sequence[UserId] = ()
    wallets: Sequence[UUID] = ()


class Users(Protocol):
    async def ensure(self, address: Address, left: Sequence[UserId]) -> KnownUser:
        """Safe to repeat and to race; never one of `left`."""


class Wallets(Protocol):
    async def resolve(self, address: Address, chain: ChainId, proof: Proof) -> Ownership:
        """Whose the address is to whoever proved it so on that chain."""

    async def link(self, user_id: UserId, address: Address, chain: ChainId, proof: Proof) -> UUID:
        """The wallet's id. Safe to repeat. Raises `Conflict` when the address is another user's, was unlinked from
        this one, or is a contract of another chain."""

    async def saw(self, wallet_id: UUID) -> None:
        """Notes that the wallet is in use; lost without harm, so it never fails."""


class Chains(Protocol):
    async def served(self) -> frozenset[ChainId]:
        """Chains one can sign in on."""


class Signatures(Protocol):
    async def prove(self, message: str, signature: bytes, address: Address, chain: ChainId) -> Proof | None:
        """How `address` signed the text (EIP-191): by its key, by its contract on `chain`, or not at all."""


class Limits(Protocol):
    async def charge(self, who: Mapping[str, str]) -> None:
        """Raises `RateLimited` with `retry_after`."""

    async def trust(self, network: str, address: str) -> None:
        """The address signed in from there."""


class Nonces(Protocol):
    async def add(self, nonce: Nonce, now: datetime) -> None: ...

    async def find(self, value: str) -> Nonce | None: ...

    async def find_true(self, value: str) -> Nonce | None: ...

    async def consume(self, value: str, address: Address, chain: ChainId, domain: str, now: datetime) -> bool: ...


class Sessions(Protocol):
    async def open(
        self,
        session: Session,
        nonce: str,
        token_hash: bytes,
        event: LoginEvent,
        announcement: Outgoing,
        evidence: Evidence | None = None,
    ) -> None: ...

    async def record(self, event: LoginEvent) -> None: ...

    async def rotate(
        self,
        shown: bytes,
        successor: bytes,
        now: datetime,
        end: Callable[[Session], datetime],
        refused: Callable[[Refusal, Session | None], LoginEvent],
    ) -> Session: ...

    async def find_evidence(self, shown: bytes, now: datetime) -> tuple[Session, Evidence] | None: ...

    async def withdraw(self, session_id: SessionId, now: datetime, event: LoginEvent) -> None: ...

    async def find(self, session_id: SessionId) -> Session | None: ...

    async def list_live(self, user_id: UserId, now: datetime) -> list[Session]: ...

    async def revoke(self, session_id: SessionId, now: datetime, reason: str) -> None: ...

    async def revoke_all(self, user_id: UserId, now: datetime, reason: str) -> list[SessionId]: ...

    async def revoke_of_wallet(self, link: Link, now: datetime, reason: str) -> list[SessionId]: ...

    async def is_revoked(self, session_id: SessionId) -> bool: ...

    async def find_ended(self, session_ids: Collection[SessionId], now: datetime) -> set[SessionId]: ...


class Keys(Protocol):
    async def touch(self, key: SigningKey, now: datetime) -> None: ...

    async def shared(self, make: Callable[[], SigningKey], now: datetime) -> SigningKey: ...

    async def retire(self, now: datetime) -> None: ...

    async def public_keys(self, used_since: datetime) -> dict[str, bytes]: ...
