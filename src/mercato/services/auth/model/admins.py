"""Who is an admin: accounts that the settings name, as far as they were proven."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mercato.kit.ids import Address, ChainId
from mercato.services.auth.model.sessions import Proof, Session


@dataclass(frozen=True)
class Admins:
    """`keys` count wherever their own key signs, for a key is the same on every chain. `accounts` count on their chain
    alone: a contract speaks for its address there, and elsewhere somebody else may have put another one."""

    keys: frozenset[Address]
    accounts: frozenset[tuple[ChainId, Address]]

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Admins:
        """From addresses (``0x…``) and CAIP-10 accounts (``eip155:1:0x…``).

        Raises `InvalidArgument` INVALID_ADDRESS or INVALID_CHAIN_ID.
        """
        keys, accounts = set(), set()
        for text in texts:
            chain, separator, address = text.rpartition(":")
            if separator:
                accounts.add((ChainId.parse(chain), Address.parse(address)))
            else:
                keys.add(Address.parse(address))
        return cls(frozenset(keys), frozenset(accounts))

    def include(self, session: Session) -> bool:
        by_key = session.proof is Proof.KEY and session.address in self.keys
        return by_key or (session.chain, session.address) in self.accounts
