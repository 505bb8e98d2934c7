"""What the server accepts of a well-formed message: domain, origin, chain and times are not the client's choice."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from mercato.kit.errors import InvalidArgument, Unauthenticated
from mercato.kit.ids import Address, ChainId, UserId
from mercato.services.auth.model.siwe import SiweMessage, moment

STATEMENT = "Sign in to Mercato. This signature costs nothing and moves no assets."
LINK_STATEMENT = "Link this wallet to Mercato account {user}. This signature costs nothing and moves no assets."

_LINK_START = LINK_STATEMENT.partition("{")[0]

_TIME_FORM = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class SignInPolicy:
    """`domains` are authorities and `origins` are ``scheme://authority`` texts, compared character by character;
    `skew` is how far a client's clock may be off."""

    domains: tuple[str, ...]
    origins: tuple[str, ...]
    skew: timedelta

    def draft(
        self,
        *,
        domain: str,
        address: Address,
        chain: ChainId,
        nonce: str,
        now: datetime,
        expires_at: datetime,
        link_user: UserId | None = None,
    ) -> SiweMessage:
        """The message a wallet is asked to sign; `domain` empty means the first one allowed.

        With `link_user` it says whose account the wallet joins.

        Raises `InvalidArgument` SIWE_DOMAIN_NOT_ALLOWED.
        """
        chosen = domain or self.domains[0]
        if chosen not in self.domains:
            raise InvalidArgument("SIWE_DOMAIN_NOT_ALLOWED", f"sign in from one of {', '.join(self.domains)}")
        return SiweMessage(
            domain=chosen,
            address=address,
            statement=STATEMENT if link_user is None else LINK_STATEMENT.format(user=link_user),
            uri=self._origins_of(chosen)[0],
            chain=chain,
            nonce=nonce,
            issued_at=now.strftime(_TIME_FORM),
            expiration_time=expires_at.strftime(_TIME_FORM),
        )

    def check(self, message: SiweMessage, chains: Collection[ChainId], now: datetime) -> None:
        """Raises `Unauthenticated` with the reason of the first rule that the message breaks: SIWE_DOMAIN_NOT_ALLOWED,
        SIWE_URI_NOT_ALLOWED, SIWE_CHAIN_UNKNOWN, SIWE_ISSUED_IN_FUTURE, SIWE_EXPIRED, SIWE_NOT_YET_VALID."""
        self._check_origin(message)
        if message.chain not in chains:
            raise Unauthenticated("SIWE_CHAIN_UNKNOWN", f"{message.chain.caip2} is not served here")
        self._check_times(message, now)

    def _check_origin(self, message: SiweMessage) -> None:
        scheme_fits = message.scheme is None or f"{message.scheme}://{message.domain}" in self.origins
        if message.domain not in self.domains or not scheme_fits:
            raise Unauthenticated("SIWE_DOMAIN_NOT_ALLOWED", f"sign in from one of {', '.join(self.domains)}")
        origins = self._origins_of(message.domain)
        if not any(_is_within(message.uri, origin) for origin in origins):
            raise Unauthenticated("SIWE_URI_NOT_ALLOWED", f"the URI must lie under one of {', '.join(origins)}")

    def _origins_of(self, domain: str) -> tuple[str, ...]:
        """Where a message of this domain may point: to its own origins, or to the first one where it has none."""
        own = tuple(origin for origin in self.origins if origin.partition("://")[2] == domain)
        return own or self.origins[:1]

    def _check_times(self, message: SiweMessage, now: datetime) -> None:
        if moment(message.issued_at) > now + self.skew:
            raise Unauthenticated("SIWE_ISSUED_IN_FUTURE", "Issued At lies in the future; check the clock")
        if message.expiration_time is not None and moment(message.expiration_time) <= now - self.skew:
            raise Unauthenticated("SIWE_EXPIRED", "the message has expired; ask for a new nonce")
        if message.not_before is not None and moment(message.not_before) > now + self.skew:
            raise Unauthenticated("SIWE_NOT_YET_VALID", "the message is not valid yet")


def check_statement(message: SiweMessage, link_user: UserId | None) -> None:
    """What the owner of a wallet read must be what happens, whoever wrote the message.

    A message that links has the server's own words, account included; one that signs in may have others, but not those.
    Raises `Unauthenticated` SIWE_STATEMENT_MISMATCH.
    """
    said = message.statement or ""
    if link_user is None and said.startswith(_LINK_START):
        raise Unauthenticated("SIWE_STATEMENT_MISMATCH", "this message links a wallet; ask for one to sign in")
    if link_user is not None and said != LINK_STATEMENT.format(user=link_user):
        raise Unauthenticated("SIWE_STATEMENT_MISMATCH", "the statement must name your account; ask for a new message")


def _is_within(uri: str, origin: str) -> bool:
    # What follows the origin must end its authority, or "http://shop.example" would let "http://shop.example.evil" in.
    return uri.startswith(origin) and (len(uri) == len(origin) or uri[len(origin)] in "/?#")
