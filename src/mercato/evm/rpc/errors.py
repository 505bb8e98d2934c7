"""What can go wrong between us and a node."""

from __future__ import annotations

from mercato.kit.errors import Category, MercatoError, Unavailable


class NodeUnavailable(Unavailable):
    """No endpoint of the chain gave an answer in time: down, timed out, or talking nonsense."""


class RpcError(MercatoError):
    """A node understood the request and refused it; another try gives the same answer unless `retryable`.

    `code`, `message` and `data` are those of the JSON-RPC error object; `code` 0 stands for an HTTP status.
    """

    category = Category.INTERNAL

    def __init__(self, code: int, message: str, data: object = None, reason: str = "NODE_REFUSED") -> None:
        super().__init__(reason, message, code=str(code))
        self.code = code
        self.data = data


class RangeTooLarge(RpcError):
    """eth_getLogs was asked for more than the node gives at once: ask for fewer blocks.

    `suggested` is the first and last block of a range that the node says it would answer, beginning where the
    request began; None when it does not say: halve. A single block that is still too large has no suggestion.
    """

    category = Category.TOO_LARGE

    def __init__(self, code: int, message: str, data: object = None, suggested: tuple[int, int] | None = None) -> None:
        super().__init__(code, message, data, "RANGE_TOO_LARGE")
        self.suggested = suggested


class NodeRateLimited(RpcError):
    """Too many requests; `retry_after` holds seconds where the node named them."""

    category = Category.UNAVAILABLE
    retryable = True

    def __init__(self, code: int, message: str, data: object = None, retry_after: float | None = None) -> None:
        super().__init__(code, message, data, "NODE_RATE_LIMITED")
        self.retry_after = retry_after


class BlockUnknown(RpcError):
    """The node does not have the block that was asked about: it lags, or the block is orphaned or pruned."""

    category = Category.UNAVAILABLE
    retryable = True

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(code, message, data, "BLOCK_UNKNOWN")


class NodeFault(RpcError):
    """The node failed inside (-32603 and its like); another node may not."""

    category = Category.UNAVAILABLE
    retryable = True

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(code, message, data, "NODE_FAULT")


class Reverted(RpcError):
    """The contract reverted. `returned` is what it gave as the reason, for `abi.decode_error`; may be empty."""

    category = Category.FAILED_PRECONDITION

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(code, message, data, "REVERTED")
        self.returned = _returned(data)


def _returned(data: object) -> bytes:
    """Revert data: most nodes send 0x-hex, some wrap it in an object or put the word Reverted before it."""
    if isinstance(data, dict):
        data = data.get("data") or data.get("result")
    if not isinstance(data, str):
        return b""
    try:
        return bytes.fromhex(data.removeprefix("Reverted ").removeprefix("0x"))
    except ValueError:
        return b""
