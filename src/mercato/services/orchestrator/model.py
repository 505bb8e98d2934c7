"""What users may ask for, the rules it must keep, and the calls and fees it becomes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from mercato.evm.abi import Function
from mercato.intents.model import IntentKind
from mercato.kit.errors import FailedPrecondition, InvalidArgument
from mercato.kit.ids import UINT256_MAX, ZERO_ADDRESS, Address, ChainId, TokenId, UserId, Wei, keccak256

MAX_BATCH = 100
"""Most ERC-721 tokens of one mint: `MAX_BATCH` of the contracts."""

MAX_UINT32 = 2**32 - 1
MAX_UINT64 = 2**64 - 1
MAX_UINT128 = 2**128 - 1

_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_URI = re.compile(r"(?:ipfs|https?)://[^\s\x00-\x1f\x7f]+|data:[^\s\x00-\x1f\x7f]+", re.IGNORECASE)
_URI_LIMIT = 2_000
_DATA_URI_LIMIT = 10_000
_PROOF_LIMIT = 64

_TERMS = "(uint128,uint64,uint32,uint64,uint64,bytes32,address)"
_INIT = f"(string,string,string,string,address,uint96,{_TERMS})"


class Standard(Enum):
    """The token standards that collections are made of."""

    ERC721 = 721
    ERC1155 = 1155

    @property
    def implementation(self) -> str:
        """Kind of the registry's contract that collections are clones of."""
        return f"implementation{self.value}"

    @property
    def mint_kind(self) -> IntentKind:
        """What a mint of this standard is called."""
        return IntentKind.MINT_721 if self is Standard.ERC721 else IntentKind.MINT_1155


_CREATE = {
    Standard.ERC721: Function(f"createCollection721(bytes32,{_INIT})"),
    Standard.ERC1155: Function(f"createCollection1155(bytes32,{_INIT})"),
}
_MINT_721 = Function("mint(address,uint256,bytes32[])")
_MINT_1155 = Function("mint(address,uint256,uint256,bytes32[])")

MINT_CONFIG_721 = Function("mintConfig()", returns=f"({_TERMS})")
MINT_CONFIG_1155 = Function("mintConfig(uint256)", returns=f"({_TERMS})")


@dataclass(frozen=True)
class Caller:
    """Who asks, which of his wallets will sign, and the name he gives this wish."""

    user_id: UserId
    wallet: Address
    idempotency_key: str


@dataclass(frozen=True)
class SaleTerms:
    """Under which terms tokens are sold: price in wei each, times in Unix seconds, 0 for no limit."""

    price: Wei
    max_supply: int
    per_wallet_limit: int
    starts_at: int
    ends_at: int
    allowlist_root: bytes
    payee: Address


@dataclass(frozen=True)
class NewCollection:
    """A collection to be created. `royalty_bps` is hundredths of a percent (ERC-2981)."""

    chain_id: ChainId
    standard: Standard
    name: str
    symbol: str
    base_uri: str
    contract_uri: str
    royalty_receiver: Address
    royalty_bps: int
    terms: SaleTerms

    def calldata(self, salt: bytes) -> bytes:
        """The call of the factory; `salt` has 32 bytes."""
        terms = self.terms
        return _CREATE[self.standard].encode(
            salt,
            (
                self.name, self.symbol, self.base_uri, self.contract_uri, self.royalty_receiver, self.royalty_bps,
                (terms.price, terms.max_supply, terms.per_wallet_limit, terms.starts_at, terms.ends_at,
                 terms.allowlist_root, terms.payee),
            ),
        )  # fmt: skip


@dataclass(frozen=True)
class Mint:
    """Tokens to be minted: `quantity` new ones (ERC-721), or units of `token_id` (ERC-1155)."""

    chain_id: ChainId
    contract: Address
    recipient: Address
    token_id: TokenId | None
    quantity: int
    proof: tuple[bytes, ...]

    @property
    def standard(self) -> Standard:
        """What a token id says: only units have one before they are minted."""
        return Standard.ERC721 if self.token_id is None else Standard.ERC1155

    @property
    def calldata(self) -> bytes:
        """The call of the collection."""
        if self.token_id is None:
            return _MINT_721.encode(self.recipient, self.quantity, self.proof)
        return _MINT_1155.encode(self.recipient, self.token_id, self.quantity, self.proof)


@dataclass(frozen=True)
class GasPolicy:
    """The registry's policy: fees in wei per unit of gas, the others in percent."""

    base_fee_multiplier_percent: int
    max_priority_fee: Wei
    max_fee_cap: Wei
    gas_limit_margin_percent: int


@dataclass(frozen=True)
class Fees:
    """What is offered for a unit of gas (EIP-1559), in wei."""

    max_fee: Wei
    max_priority_fee: Wei


def fees(policy: GasPolicy, base_fee: Wei) -> Fees:
    """base fee x multiplier + priority fee, capped. Raises `FailedPrecondition` GAS_PRICE_ABOVE_CAP when even the base
    fee is above the cap: such a transaction would wait for ever."""
    if base_fee > policy.max_fee_cap:
        raise FailedPrecondition(
            "GAS_PRICE_ABOVE_CAP",
            f"gas costs {base_fee} wei now, more than this chain's cap of {policy.max_fee_cap}; try again later",
            base_fee=str(base_fee),
            max_fee_cap=str(policy.max_fee_cap),
        )
    wanted = base_fee * policy.base_fee_multiplier_percent // 100 + policy.max_priority_fee
    max_fee = Wei(min(wanted, policy.max_fee_cap))
    return Fees(max_fee, Wei(min(policy.max_priority_fee, max_fee)))


def gas_limit(policy: GasPolicy, estimate: int, block_gas_limit: int) -> int:
    """The estimate with the policy's margin, no more than a block holds."""
    return min(-(-estimate * (100 + policy.gas_limit_margin_percent) // 100), block_gas_limit)


def check_caller(caller: Caller) -> None:
    """Raises `InvalidArgument` INVALID_IDEMPOTENCY_KEY or INVALID_WALLET."""
    if _KEY.fullmatch(caller.idempotency_key) is None:
        raise InvalidArgument(
            "INVALID_IDEMPOTENCY_KEY", "an idempotency key has 1 to 128 visible ASCII characters, such as a UUID"
        )
    if caller.wallet == ZERO_ADDRESS:
        raise InvalidArgument("INVALID_WALLET", "the zero address signs nothing; name one of your wallets")


def check_collection(new: NewCollection, now: int) -> None:
    """Raises `InvalidArgument` with the first rule broken; `now` is Unix seconds."""
    if not _is_label(new.name, 64):
        raise InvalidArgument("INVALID_NAME", "a name has 1 to 64 printable characters and no space around it")
    if not _is_label(new.symbol, 16):
        raise InvalidArgument("INVALID_SYMBOL", "a symbol has 1 to 16 printable characters and no space around it")
    for field, uri in (("base_uri", new.base_uri), ("contract_uri", new.contract_uri)):
        if not _is_uri(uri):
            raise InvalidArgument(
                "INVALID_URI", f"{field} is empty or starts with ipfs://, https://, http:// or data:", field=field
            )
    if not 0 <= new.royalty_bps <= 10_000:
        raise InvalidArgument("INVALID_ROYALTY", "a royalty is 0 to 10000 hundredths of a percent")
    if new.royalty_bps and new.royalty_receiver == ZERO_ADDRESS:
        raise InvalidArgument("INVALID_ROYALTY", "a royalty needs a receiver other than the zero address")
    _check_terms(new.terms, now)


def check_mint(mint: Mint) -> None:
    """Raises `InvalidArgument` with the first rule broken."""
    if mint.recipient == ZERO_ADDRESS:
        raise InvalidArgument("INVALID_RECIPIENT", "tokens cannot be minted to the zero address")
    most = MAX_BATCH if mint.token_id is None else MAX_UINT64
    if not 1 <= mint.quantity <= most:
        raise InvalidArgument("INVALID_QUANTITY", f"one mint makes 1 to {most} tokens", limit=str(most))
    if mint.token_id == UINT256_MAX:
        raise InvalidArgument("RESERVED_TOKEN_ID", "token id 2^256-1 stands for the whole collection; take another")
    if len(mint.proof) > _PROOF_LIMIT or any(len(node) != 32 for node in mint.proof):
        raise InvalidArgument("INVALID_ALLOWLIST_PROOF", f"a proof is at most {_PROOF_LIMIT} hashes of 32 bytes")


def body_hash(kind: IntentKind, chain_id: ChainId, caller: Caller, target: bytes, calldata: bytes) -> bytes:
    """Equal for two wishes that would have the same wallet sign the same call: what idempotency compares.

    `calldata` of a collection is that under a zero salt, since the salt is made from the intent's id; `target` is
    empty then, since the factory is not of the user's choosing.
    """
    head = f"{kind.value} {chain_id.caip2} {caller.wallet.text} ".encode()
    return keccak256(head + len(target).to_bytes(1, "big") + target + calldata)


def _check_terms(terms: SaleTerms, now: int) -> None:
    limits = (
        ("price", terms.price, MAX_UINT128),
        ("max_supply", terms.max_supply, MAX_UINT64),
        ("per_wallet_limit", terms.per_wallet_limit, MAX_UINT32),
    )
    for field, value, limit in limits:
        if value > limit:
            raise InvalidArgument("INVALID_MINT_CONFIG", f"{field} is at most {limit}", field=field)
    if terms.ends_at and terms.ends_at <= terms.starts_at:
        raise InvalidArgument("INVALID_SALE_WINDOW", "the sale must end after it starts")
    if terms.ends_at and terms.ends_at <= now:
        raise InvalidArgument("INVALID_SALE_WINDOW", "the sale would be over already")
    if len(terms.allowlist_root) != 32:
        raise InvalidArgument("INVALID_ALLOWLIST_ROOT", "an allowlist root has 32 bytes, or is left out")
    if terms.price and terms.payee == ZERO_ADDRESS:
        raise InvalidArgument("INVALID_PAYEE", "what is sold needs a payee other than the zero address")


def _is_label(text: str, longest: int) -> bool:
    return 1 <= len(text) <= longest and text.isprintable() and text.strip() == text


def _is_uri(text: str) -> bool:
    if not text:
        return True
    limit = _DATA_URI_LIMIT if text[:5].lower() == "data:" else _URI_LIMIT
    return len(text) <= limit and _URI.fullmatch(text) is not None
