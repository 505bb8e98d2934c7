"""The registry's words: a chain, its endpoints, contracts and gas policy, and what makes each of them acceptable."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import unquote, urlsplit, urlunsplit

from mercato.kit.errors import InvalidArgument
from mercato.kit.ids import ZERO_ADDRESS, Address, ChainId, Wei
from mercato.services.chains.model.urls import is_url, spelled

CONDUIT = "conduit"
"""The one kind of which a chain may have several."""

CONTRACT_KINDS = frozenset(
    {"factory", "implementation721", "implementation1155", "seaport", "conduit_controller", CONDUIT, "multicall"}
)
"""Contracts that the system knows how to use; one of each for a chain, but any number of conduits."""

MAX_BLOCK = 2**63 - 1
MAX_FEE = Wei(10**18)
"""Wei per unit of gas: one whole coin for one gas is a mistake on any chain."""

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]{0,2000}")
_FRAMING = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers that say where a request goes and where it ends, which is not for the registry to say."""

_URL = "with a host that can be looked up, and without a fragment"
_KEY_LENGTH = 12
_HIDDEN = "***"


class IndexScope(StrEnum):
    """Which contracts of a chain the indexer keeps."""

    FOLLOWED = "FOLLOWED"
    ALL = "ALL"


@dataclass(frozen=True)
class ChainSpec:
    """What an operator says of a chain itself. `start_block` is the first one the indexer reads."""

    chain_id: ChainId
    name: str
    currency_symbol: str
    currency_decimals: int
    explorer_url: str
    enabled: bool
    scope: IndexScope
    start_block: int


@dataclass(frozen=True)
class Endpoint:
    """A JSON-RPC node. Lower `priority` is asked first; `headers` hold API keys and stay inside. At `ws_url` the same
    node announces new blocks, with the same headers; empty where it does not."""

    url: str
    priority: int
    weight: int
    headers: Mapping[str, str]
    ws_url: str = ""

    @property
    def id(self) -> str:
        """Names the endpoint where its URL may not be shown."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:24]

    @property
    def shown_url(self) -> str:
        """The URL with stars for what may be a key: long parts of the path, and every value of the query."""
        return _without_keys(self.url)

    @property
    def shown_ws_url(self) -> str:
        """The same of `ws_url`."""
        return _without_keys(self.ws_url)


@dataclass(frozen=True)
class Contract:
    """A contract the system uses on a chain; `kind` is one of `CONTRACT_KINDS`."""

    kind: str
    address: Address
    deployed_block: int


@dataclass(frozen=True)
class GasPolicy:
    """How fees are offered (EIP-1559) and when a block counts.

    maxFeePerGas = base fee x `base_fee_multiplier_percent` / 100 + `max_priority_fee`, never above `max_fee_cap`
    (wei per unit of gas). `confirmations` counts the including block; `finality_depth` is the deepest fork followed.
    """

    base_fee_multiplier_percent: int
    max_priority_fee: Wei
    max_fee_cap: Wei
    gas_limit_margin_percent: int
    confirmations: int
    finality_depth: int


CAREFUL_POLICY = GasPolicy(
    base_fee_multiplier_percent=200,
    max_priority_fee=Wei(1_500_000_000),
    max_fee_cap=Wei(500_000_000_000),
    gas_limit_margin_percent=20,
    confirmations=2,
    finality_depth=64,
)
"""What a new chain has until an operator says otherwise."""


@dataclass(frozen=True)
class Chain:
    """A chain with all that hangs on it, as it was at `version`."""

    spec: ChainSpec
    version: int
    endpoints: tuple[Endpoint, ...]
    contracts: tuple[Contract, ...]
    gas_policy: GasPolicy


def check_spec(spec: ChainSpec) -> None:
    """Raises `InvalidArgument` with the first thing that is wrong."""
    if not _is_label(spec.name, 64):
        raise InvalidArgument("INVALID_NAME", "a chain's name has 1 to 64 printable characters")
    if not _is_label(spec.currency_symbol, 16) or not 0 <= spec.currency_decimals <= 36:
        raise InvalidArgument("INVALID_CURRENCY", "a currency has a symbol of 1 to 16 characters and 0 to 36 decimals")
    if spec.explorer_url and not _is_http_url(spec.explorer_url.partition("#")[0]):
        raise InvalidArgument("INVALID_EXPLORER_URL", "the explorer is an http:// or https:// URL, or left out")
    if not 0 <= spec.start_block <= MAX_BLOCK:
        raise InvalidArgument("INVALID_START_BLOCK", "the start block is a block number")


def without_credentials(endpoint: Endpoint) -> Endpoint:
    """The user and password of a URL as the header they mean (RFC 7617): a URL is shown, a header is not.

    Raises `InvalidArgument` ENDPOINT_PASSWORD_TWICE when there is such a header, too.
    """
    if not _is_http_url(endpoint.url):
        return endpoint
    parts = urlsplit(endpoint.url)
    if parts.username is None and parts.password is None:
        return endpoint
    if any(name.lower() == "authorization" for name in endpoint.headers):
        raise InvalidArgument(
            "ENDPOINT_PASSWORD_TWICE", "give the password in the URL or the Authorization header, not both"
        )
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()
    headers = {**endpoint.headers, "Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return replace(endpoint, url=bare, headers=headers)


def well_spelled(endpoint: Endpoint) -> Endpoint:
    """With the one spelling of its URLs: one node written in two ways is one endpoint, and one witness."""
    return replace(endpoint, url=spelled(endpoint.url), ws_url=spelled(endpoint.ws_url) if endpoint.ws_url else "")


def check_endpoint(endpoint: Endpoint) -> None:
    """Raises `InvalidArgument` with the first thing that is wrong."""
    if not _is_http_url(endpoint.url):
        raise InvalidArgument("INVALID_ENDPOINT_URL", f"an endpoint is an http:// or https:// URL: {_URL}")
    if endpoint.ws_url and not is_url(endpoint.ws_url, ("ws", "wss")):
        raise InvalidArgument("INVALID_ENDPOINT_URL", f"a node announces blocks at a ws:// or wss:// URL: {_URL}")
    if "@" in urlsplit(endpoint.ws_url).netloc:
        raise InvalidArgument(
            "INVALID_ENDPOINT_URL", "a ws:// URL carries no password: the headers are sent there, too"
        )
    if not (0 <= endpoint.priority <= 1000 and 1 <= endpoint.weight <= 1000):
        raise InvalidArgument("INVALID_ENDPOINT", "priority is 0 to 1000 and weight 1 to 1000")
    names = {name.lower() for name in endpoint.headers}
    if not len(names) == len(endpoint.headers) <= 16 or not all(
        _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value) for name, value in endpoint.headers.items()
    ):
        raise InvalidArgument(
            "INVALID_HEADER", "at most 16 headers, each once, with names and values as RFC 9110 allows them"
        )
    if names & _FRAMING:
        raise InvalidArgument("INVALID_HEADER", f"not for a node's headers: {', '.join(sorted(names & _FRAMING))}")


def check_contract(contract: Contract) -> None:
    """Raises `InvalidArgument` with the first thing that is wrong."""
    if contract.kind not in CONTRACT_KINDS:
        raise InvalidArgument("UNKNOWN_CONTRACT_KIND", f"a contract is one of: {', '.join(sorted(CONTRACT_KINDS))}")
    if contract.address == ZERO_ADDRESS:
        raise InvalidArgument("INVALID_ADDRESS", "no contract stands at the zero address")
    if not 0 <= contract.deployed_block <= MAX_BLOCK:
        raise InvalidArgument("INVALID_DEPLOYED_BLOCK", "the deployment block is a block number")


def check_gas_policy(policy: GasPolicy) -> None:
    """Raises `InvalidArgument` INVALID_GAS_POLICY; ``details["field"]`` names the field."""
    rules = {
        "base_fee_multiplier_percent": (100 <= policy.base_fee_multiplier_percent <= 1000, "is 100 to 1000"),
        "max_fee_cap": (0 < policy.max_fee_cap <= MAX_FEE, f"is 1 to {MAX_FEE} wei"),
        "max_priority_fee": (0 <= policy.max_priority_fee <= policy.max_fee_cap, "is at most max_fee_cap"),
        "gas_limit_margin_percent": (0 <= policy.gas_limit_margin_percent <= 500, "is 0 to 500"),
        "confirmations": (1 <= policy.confirmations <= 10_000, "is 1 to 10000"),
        "finality_depth": (policy.confirmations <= policy.finality_depth <= 100_000, "is confirmations to 100000"),
    }
    for field, (holds, rule) in rules.items():
        if not holds:
            raise InvalidArgument("INVALID_GAS_POLICY", f"{field} {rule}", field=field)


def _is_label(text: str, longest: int) -> bool:
    return 1 <= len(text) <= longest and text.isprintable() and text.strip() == text


def _without_keys(url: str) -> str:
    parts = urlsplit(url)
    path = "/".join(_HIDDEN if len(part) >= _KEY_LENGTH else part for part in parts.path.split("/"))
    names = [pair.partition("=")[0] for pair in parts.query.split("&") if pair]
    query = "&".join(f"{name}={_HIDDEN}" if len(name) < _KEY_LENGTH else _HIDDEN for name in names)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, query, ""))


def _is_http_url(text: str) -> bool:
    return is_url(text, ("http", "https"))
