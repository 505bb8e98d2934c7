"""What nodes and providers mean by their error messages, as data.

JSON-RPC leaves messages free and codes overlap, so every provider has its dialect. A new one is a new row here
and a new line in its test. Of all rows the first that matches counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from mercato.evm.rpc.errors import (
    BlockUnknown,
    NodeFault,
    NodeRateLimited,
    RangeTooLarge,
    Reverted,
    RpcError,
)

_METHOD_NOT_FOUND = -32601
_INTERNAL_ERROR = -32603
_PARSE_ERROR = -32700
_REVERT_CODE = 3
_TOO_MANY_REQUESTS = 429


class Meaning(Enum):
    """What a message says."""

    RANGE_SUGGESTED = auto()
    """Groups 1 and 2: first and last block of a range that would be answered; hexadecimal with 0x, else decimal."""

    BLOCK_LIMIT = auto()
    """Group 1: the most blocks of one request, as in ``10,000`` or ``2K``."""

    TOO_MUCH = auto()
    """Too many blocks, logs, bytes or seconds, without a figure that helps."""

    RATE_LIMITED = auto()
    BLOCK_UNKNOWN = auto()
    REVERTED = auto()
    FAULT = auto()


@dataclass(frozen=True)
class Dialect:
    """One way of saying it. `heard_from` names the providers or node programs."""

    meaning: Meaning
    pattern: re.Pattern[str]
    heard_from: str


def _row(meaning: Meaning, pattern: str, heard_from: str) -> Dialect:
    return Dialect(meaning, re.compile(pattern, re.IGNORECASE), heard_from)


_NUMBER = r"([0-9][0-9,.]{0,18}\s?k?)"
_HEX_RANGE = r"\[\s*(0x[0-9a-f]{1,16}),\s*(0x[0-9a-f]{1,16})\s*\]"

LOG_DIALECTS = (
    _row(Meaning.RANGE_SUGGESTED, rf"block range should work: {_HEX_RANGE}", "Alchemy"),
    _row(Meaning.RANGE_SUGGESTED, rf"try with this block range {_HEX_RANGE}", "Infura, ZKsync"),
    _row(Meaning.RANGE_SUGGESTED, r"retry with the range ([0-9]{1,18})\s*-\s*([0-9]{1,18})", "Reth, LlamaRPC, Ankr"),
    _row(Meaning.BLOCK_LIMIT, rf"limited to (?:a |0 - )?{_NUMBER}(?: blocks?)? (?:block )?range", "QuickNode, 1RPC"),
    _row(Meaning.BLOCK_LIMIT, rf"limited to {_NUMBER} block", "BlockPI"),
    _row(Meaning.BLOCK_LIMIT, rf"up to a {_NUMBER} block range", "Alchemy, Aurora"),
    _row(Meaning.BLOCK_LIMIT, rf"requested too many blocks from \d+ to \d+, maximum is set to {_NUMBER}", "Avalanche"),
    _row(Meaning.BLOCK_LIMIT, rf"maximum allowed number of requested blocks is {_NUMBER}", "thirdweb"),
    _row(Meaning.BLOCK_LIMIT, rf"range allowed for your plan \(\d+ > {_NUMBER}\)", "Blast"),
    _row(Meaning.BLOCK_LIMIT, rf"limit the query to at most {_NUMBER} blocks", "Coinbase"),
    _row(Meaning.BLOCK_LIMIT, rf"max(?:imum)?(?: block)? range: {_NUMBER}", "Cloudflare, PublicNode"),
    _row(Meaning.BLOCK_LIMIT, rf"exceeds max block range {_NUMBER}", "Reth, Hyperliquid"),
    _row(Meaning.BLOCK_LIMIT, rf"block range (?:greater than|exceeds) {_NUMBER}", "Swell, Somnia"),
    _row(Meaning.BLOCK_LIMIT, rf"range is too large, max is {_NUMBER} blocks", "Merkle"),
    _row(Meaning.BLOCK_LIMIT, rf"block range is too wide \(maximum {_NUMBER}\)", "Moonbeam, Frontier"),
    _row(Meaning.BLOCK_LIMIT, rf"query must be smaller than size {_NUMBER}", "Harmony"),
    _row(Meaning.BLOCK_LIMIT, rf"blocks distance: {_NUMBER}", "Cronos, Ankr"),
    _row(Meaning.BLOCK_LIMIT, rf"ranges over {_NUMBER} blocks are not supported", "dRPC"),
    _row(Meaning.BLOCK_LIMIT, rf"too wide blocks range, the limit is {_NUMBER}", "Fantom"),
    _row(Meaning.BLOCK_LIMIT, rf"block range too large \(\d+\), maximum allowed is {_NUMBER} blocks", "Sei"),
    _row(Meaning.TOO_MUCH, r"block range (?:is )?too (?:wide|large)|requested range too large", "Ankr, Base, Optimism"),
    _row(Meaning.TOO_MUCH, r"block range limit exceeded", "Chainstack"),
    _row(Meaning.TOO_MUCH, r"query returned more than \d+ results", "Geth, Polygon zkEVM"),
    _row(Meaning.TOO_MUCH, r"logs matched by query exceeds limit", "Arbitrum"),
    _row(Meaning.TOO_MUCH, r"exceeds max results", "Reth"),
    _row(Meaning.TOO_MUCH, r"response (?:is )?too (?:large|big)|response size", "Optimism, 1RPC"),
    _row(Meaning.TOO_MUCH, r"quer(?:y|ies) time(?:d )?out|query timeout", "Geth, Alchemy"),
    _row(Meaning.TOO_MUCH, r"^limit exceeded$", "BNB Smart Chain"),
)
"""For errors of eth_getLogs; asked before `GENERAL_DIALECTS`."""

GENERAL_DIALECTS = (
    _row(
        Meaning.REVERTED,
        r"execution reverted|vm execution error|transaction reverted|^reverted|"
        r"^out of gas|evm error|invalid opcode|invalid jump destination|stack (?:under|over)flow|write protection",
        "Geth, Anvil, Parity",
    ),
    _row(
        Meaning.RATE_LIMITED,
        r"rate.?limit|too many requests|requests? per (?:second|minute|day)|compute units per second|"
        r"capacity exceeded|daily request count exceeded|request limit|(?<!gas )limit exceeded|throttl",
        "Alchemy, Infura, QuickNode, Ankr, BNB Smart Chain",
    ),
    _row(
        Meaning.BLOCK_UNKNOWN,
        r"header not found|unknown block|block not found|hash not found|blockoutofrange|could not find block|"
        r"cannot query unfinalized data|beyond current head|missing trie node|state (?:is )?not available|"
        r"block is out of range|after last accepted block",
        "Geth, Nethermind, Besu, Anvil, Avalanche",
    ),
    _row(
        Meaning.FAULT,
        r"internal (?:server )?error|no backend|backend (?:is )?unavailable|upstream|service unavailable|"
        r"temporarily unavailable|try again later",
        "Base, Optimism, dRPC",
    ),
)

ALREADY_KNOWN = re.compile(r"already ?(?:known|imported|exists)|known transaction|in mempool", re.IGNORECASE)
"""eth_sendRawTransaction of a transaction that the node has: Geth, Anvil, Nethermind, Erigon."""


def error_of(
    method: str, code: int, message: str, data: object = None, blocks: tuple[int, int] | None = None
) -> RpcError:
    """The typed error for a JSON-RPC error object.

    `blocks` is the range an eth_getLogs request named. A complaint about such a range in an unknown dialect counts as
    `RangeTooLarge` too, as long as it can be made smaller: halving is all that can help, and ends with the plain error.
    """
    if method == "eth_getLogs":
        for dialect in LOG_DIALECTS:
            if match := dialect.pattern.search(message):
                return RangeTooLarge(code, message, data, _suggestion(dialect.meaning, match, blocks))
    if code in (_TOO_MANY_REQUESTS, -_TOO_MANY_REQUESTS):
        return NodeRateLimited(code, message, data)
    for dialect in GENERAL_DIALECTS:
        if dialect.pattern.search(message):
            return _GENERAL[dialect.meaning](code, message, data)
    if code == _REVERT_CODE:
        return Reverted(code, message, data)
    if blocks is not None and blocks[0] < blocks[1] and code not in (_METHOD_NOT_FOUND, _PARSE_ERROR):
        return RangeTooLarge(code, message, data)
    return NodeFault(code, message, data) if code == _INTERNAL_ERROR else RpcError(code, message, data)


_GENERAL: dict[Meaning, type[Reverted | NodeRateLimited | BlockUnknown | NodeFault]] = {
    Meaning.REVERTED: Reverted,
    Meaning.RATE_LIMITED: NodeRateLimited,
    Meaning.BLOCK_UNKNOWN: BlockUnknown,
    Meaning.FAULT: NodeFault,
}


def _suggestion(meaning: Meaning, match: re.Match[str], blocks: tuple[int, int] | None) -> tuple[int, int] | None:
    """A range to believe: it begins where the request began and is shorter."""
    if blocks is None or meaning is Meaning.TOO_MUCH:
        return None
    first, last = blocks
    if meaning is Meaning.RANGE_SUGGESTED:
        base = 16 if match[1][:2].lower() == "0x" else 10
        low, high = int(match[1], base), int(match[2], base)
        length = high - low + 1
    else:
        length = _count(match[1])
    return (first, first + length - 1) if 1 <= length <= last - first else None


def _count(text: str) -> int:
    """``10,000``, ``10.000`` or ``2K``."""
    digits = re.sub(r"\D", "", text)
    return int(digits) * (1000 if text.rstrip().lower().endswith("k") else 1)
