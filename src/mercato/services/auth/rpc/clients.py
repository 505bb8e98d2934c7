"""Auth's calls to others: users and wallets over gRPC, the chain registry, and the nodes behind contract wallets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from mercato.evm.directory import ChainDirectory
from mercato.evm.signatures import is_valid_signature, personal_message_hash
from mercato.kit.errors import MercatoError
from mercato.kit.ids import Address, ChainId, UserId, parse_id
from mercato.kit.logging import Logger
from mercato.rpc.users.v1.users_pb2 import EnsureUserRequest
from mercato.rpc.wallets.v1 import wallets_pb2
from mercato.services.auth.model.sessions import Proof
from mercato.services.auth.usecases.ports import KnownUser, Ownership

if TYPE_CHECKING:
    from mercato.rpc.users.v1.users_pb2_grpc import UsersServiceAsyncStub
    from mercato.rpc.wallets.v1.wallets_pb2_grpc import WalletsServiceAsyncStub

_NOTE_TIMEOUT = 0.5  # seconds: nobody waits long for what is only nice to know
_PROOFS = {Proof.KEY: wallets_pb2.PROOF_KEY, Proof.CONTRACT: wallets_pb2.PROOF_CONTRACT}


class UsersClient:
    def __init__(self, stub: UsersServiceAsyncStub) -> None:
        self._stub = stub

    async def ensure(self, address: Address, left: Sequence[UserId]) -> KnownUser:
        answer = await self._stub.EnsureUser(EnsureUserRequest(address=address, left_user_ids=map(str, left)))
        return KnownUser(UserId(parse_id(answer.user.id)), answer.created)


class WalletsClient:
    def __init__(self, stub: WalletsServiceAsyncStub, log: Logger) -> None:
        self._stub = stub
        self._log = log

    async def resolve(self, address: Address, chain: ChainId, proof: Proof) -> Ownership:
        answer = await self._stub.ResolveAddress(
            wallets_pb2.ResolveAddressRequest(address=address, chain_id=chain.caip2, proof=_PROOFS[proof])
        )
        return Ownership(
            UserId(parse_id(answer.user_id)) if answer.user_id else None,
            [UserId(parse_id(text)) for text in answer.left_user_ids],
            [parse_id(text) for text in answer.wallet_ids],
        )

    async def link(self, user_id: UserId, address: Address, chain: ChainId, proof: Proof) -> UUID:
        answer = await self._stub.LinkWallet(
            wallets_pb2.LinkWalletRequest(
                user_id=str(user_id),
                address=address,
                chain_id=chain.caip2,
                proof=_PROOFS[proof],
                occasion=wallets_pb2.OCCASION_SIGN_IN,
            )
        )
        return parse_id(answer.wallet.id)

    async def saw(self, wallet_id: UUID) -> None:
        try:
            await self._stub.NoteWalletSeen(
                wallets_pb2.NoteWalletSeenRequest(wallet_id=str(wallet_id)), timeout=_NOTE_TIMEOUT
            )
        except MercatoError as error:
            self._log.warning("wallet not noted as seen", error=error.reason)


class ChainsClient:
    """The registry's chains and, for contract wallets, their nodes."""

    def __init__(self, directory: ChainDirectory) -> None:
        self._directory = directory

    async def served(self) -> frozenset[ChainId]:
        return frozenset([handle.chain_id for handle in await self._directory.all()])

    async def prove(self, message: str, signature: bytes, address: Address, chain: ChainId) -> Proof | None:
        """A key is tried first and needs no node; see `mercato.evm.signatures` for the order and the gas caps."""
        digest = personal_message_hash(message)
        if await is_valid_signature(None, address, digest, signature):
            return Proof.KEY
        pool = (await self._directory.get(chain)).pool
        return Proof.CONTRACT if await is_valid_signature(pool, address, digest, signature) else None
