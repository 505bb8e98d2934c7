"""What the tests of sign-in share: keys that sign, and calls as a client makes them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from mercato.kit.ids import Address
from mercato.rpc.auth.v1 import auth_pb2 as pb

if TYPE_CHECKING:
    from mercato.rpc.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub

CHAIN = "eip155:31337"

_ips = itertools.count(1)


def new_client() -> pb.Client:
    """A client with an IP of its own, so that no test meets another one's limits."""
    number = next(_ips)
    return pb.Client(ip=f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", user_agent="tests/1")


@dataclass(frozen=True)
class Wallet:
    """A plain account."""

    account: LocalAccount

    @classmethod
    def fresh(cls) -> Wallet:
        return cls(Account.create())

    @property
    def address(self) -> Address:
        return Address.parse(self.account.address)

    def sign(self, message: str) -> bytes:
        """As ``personal_sign`` does: 65 bytes, v 27 or 28."""
        return bytes(self.account.sign_message(encode_defunct(text=message)).signature)


async def asked(auth: AuthServiceAsyncStub, address: Address, client: pb.Client, chain: str = CHAIN) -> str:
    """The message to sign."""
    answer = await auth.IssueNonce(pb.IssueNonceRequest(address=address, chain_id=chain, client=client))
    return answer.message


async def signed_in(
    auth: AuthServiceAsyncStub, wallet: Wallet, client: pb.Client | None = None, chain: str = CHAIN
) -> pb.SignInResponse:
    """The whole way, as a client goes it."""
    client = client or new_client()
    message = await asked(auth, wallet.address, client, chain)
    return await auth.SignIn(pb.SignInRequest(message=message, signature=wallet.sign(message), client=client))
