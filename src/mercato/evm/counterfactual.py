"""EVM code that deploys a wallet and asks it something, in one eth_call and for nobody to see (ERC-6492)."""

from __future__ import annotations

from mercato.kit.ids import Address

_MUL, _GT, _CODECOPY, _RETURNDATASIZE = (bytes([code]) for code in (0x02, 0x11, 0x39, 0x3D))
_POP, _MLOAD, _MSTORE, _GAS = (bytes([code]) for code in (0x50, 0x51, 0x52, 0x5A))
_PUSH3, _PUSH20, _CALL, _RETURN, _STATICCALL = (bytes([code]) for code in (0x62, 0x73, 0xF1, 0xF3, 0xFA))


def deploy_and_ask(factory: Address, deployment: bytes, account: Address, question: bytes) -> bytes:
    """Creation code: calls `factory` with `deployment`, then `account` with `question`, without value.

    What eth_call with it returns is the first word of the account's answer; zero when the account failed or
    answered less than a word. The factory may fail: the account can be there already.
    """
    size = len(_program(0, factory, deployment, account, question))
    return _program(size, factory, deployment, account, question) + deployment + question


def _program(size: int, factory: Address, deployment: bytes, account: Address, question: bytes) -> bytes:
    """The instructions alone; the two messages follow them at `size`. All numbers take three bytes."""
    answer_at = max(len(deployment), len(question))  # memory nothing else writes to
    return b"".join(
        (
            _copy(size, len(deployment)),
            _numbers(0, 0, len(deployment), 0, 0) + _PUSH20 + factory + _GAS + _CALL + _POP,
            _copy(size + len(deployment), len(question)),
            _numbers(32, answer_at, len(question), 0) + _PUSH20 + account + _GAS + _STATICCALL,
            # What a call reverts with, or a part of a word, is copied like an answer: times its success (0 or 1), times
            # whether there was a whole word (0 or 1).
            _numbers(31) + _RETURNDATASIZE + _GT + _MUL,
            _numbers(answer_at) + _MLOAD + _MUL,
            _numbers(answer_at) + _MSTORE,
            _numbers(32, answer_at) + _RETURN,
        )
    )


def _numbers(*values: int) -> bytes:
    """Puts the values on the stack, the last one on top."""
    return b"".join(_PUSH3 + value.to_bytes(3) for value in values)


def _copy(offset: int, length: int) -> bytes:
    """Copies a part of the code to the start of memory."""
    return _numbers(length, offset, 0) + _CODECOPY
