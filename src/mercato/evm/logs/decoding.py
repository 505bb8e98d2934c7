"""The decode path: one pass over a batch of logs, hand-sliced where logs come by the million.

Values that repeat inside a batch (blocks, transactions, contracts, accounts) are parsed and checked once, by
dictionaries that fill themselves. Measured against eth-abi by ``bench/decode.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mercato.evm import topics
from mercato.evm.abi import UNDECODABLE
from mercato.evm.abi import decode as abi_decode
from mercato.evm.logs.facts import (
    ApprovalForAllFact,
    BlockRef,
    CollectionCreatedFact,
    ConsecutiveTransferFact,
    Fact,
    MetadataRefreshFact,
    MintConfig,
    MintConfigFact,
    OwnershipFact,
    RoleFact,
    RoyaltyFact,
    SeaportRaw,
    Standard,
    TokenApprovalFact,
    TransferFact,
    Undecodable,
)
from mercato.evm.logs.raw import RawLog

_NO_PADDING = bytes(12)
_NOTHING = "0x"
_HEX_WORD = 64
_ONE_WORD = len(_NOTHING) + _HEX_WORD
_TWO_WORDS = _ONE_WORD + _HEX_WORD

# `standard` of CollectionCreated, see contracts/src/CollectionFactory.sol
_FACTORY_STANDARDS = {0: Standard.ERC721, 1: Standard.ERC1155}

# An attribute of an enum costs as much as the struct it goes into.
_ERC721, _ERC1155 = Standard.ERC721, Standard.ERC1155


class Malformed(Exception):
    """A log breaks the layout of its event; the argument is the reason."""


def decode(logs: Iterable[RawLog]) -> list[Fact]:
    """The facts in `logs`, in their order, by the rules in this package's docstring. Never raises."""
    batch = _Batch()
    facts: list[Fact] = []
    for log in logs:
        reader = _READERS.get(log.topics[0]) if log.topics else None
        if reader is None:
            continue
        try:
            if log.removed:
                raise Malformed("REMOVED")
            reader(log, batch, facts)
        except Malformed as broken:
            facts.append(Undecodable(log, str(broken)))
        except ValueError:  # of bytes.fromhex or int
            facts.append(Undecodable(log, "NOT_HEX"))
        except UNDECODABLE:
            facts.append(Undecodable(log, "NOT_ABI"))
    return facts


class _Hashes(dict[str, bytes]):
    """32-byte words from 0x-hex."""

    def __missing__(self, text: str) -> bytes:
        value = self[text] = _word(text)
        return value


class _Accounts(dict[str, bytes]):
    """Addresses from 32-byte words in 0x-hex."""

    def __missing__(self, text: str) -> bytes:
        value = self[text] = _account(_word(text))
        return value


class _Contracts(dict[str, bytes]):
    """Addresses from 20 bytes in 0x-hex."""

    def __missing__(self, text: str) -> bytes:
        value = bytes.fromhex(text[2:])
        if len(value) != 20:
            raise Malformed("WRONG_ADDRESS_LENGTH")
        self[text] = value
        return value


class _Numbers(dict[str, int]):
    """JSON-RPC quantities that repeat, such as log indices."""

    def __missing__(self, text: str) -> int:
        value = self[text] = int(text, 16)
        return value


class _Batch:
    """What the logs of one call have in common."""

    __slots__ = ("accounts", "blocks", "contracts", "numbers", "transactions")

    def __init__(self) -> None:
        self.blocks: dict[str, BlockRef] = {}
        self.transactions = _Hashes()
        self.contracts = _Contracts()
        self.accounts = _Accounts()
        self.numbers = _Numbers()

    def block(self, log: RawLog) -> BlockRef:
        known = self.blocks.get(log.block_hash)
        if known is None:
            timestamp = None if log.block_timestamp is None else int(log.block_timestamp, 16)
            known = BlockRef(int(log.block_number, 16), _word(log.block_hash), timestamp)
            self.blocks[log.block_hash] = known
        return known

    def head(self, log: RawLog) -> tuple[BlockRef, bytes, int, bytes]:
        """The first four fields of every fact."""
        return (
            self.block(log),
            self.transactions[log.transaction_hash],
            self.numbers[log.log_index],
            self.contracts[log.address],
        )


def _word(text: str) -> bytes:
    word = bytes.fromhex(text[2:])
    if len(word) != 32:  # also when it had blanks, which fromhex passes over
        raise Malformed("WRONG_WORD_LENGTH")
    return word


def _account(word: bytes) -> bytes:
    if not word.startswith(_NO_PADDING):
        raise Malformed("DIRTY_ADDRESS")
    return word[12:]


def _expect(log: RawLog, topic_count: int, data_length: int) -> None:
    """`data_length` counts the characters of the 0x-hex."""
    if len(log.topics) != topic_count:
        raise Malformed("WRONG_TOPIC_COUNT")
    if len(log.data) != data_length:
        raise Malformed("WRONG_DATA_LENGTH")


def _is_currency(log: RawLog) -> bool:
    """ERC-20's Transfer and Approval: the third argument is not indexed."""
    return len(log.topics) == 3 and len(log.data) == _ONE_WORD


def _transfer(log: RawLog, batch: _Batch, facts: list[Fact]) -> None:
    words = log.topics
    if len(words) != 4 or log.data != _NOTHING:
        if _is_currency(log):
            return
        raise Malformed("UNINDEXED_TRANSFER" if len(words) < 3 else "WRONG_DATA_LENGTH")
    accounts = batch.accounts
    facts.append(
        TransferFact(
            batch.blocks.get(log.block_hash) or batch.block(log),
            batch.transactions[log.transaction_hash],
            batch.numbers[log.log_index],
            batch.contracts[log.address],
            0,
            _ERC721,
            None,
            accounts[words[1]],
            accounts[words[2]],
            int.from_bytes(_word(words[3])),
            1,
        )
    )


def _transfer_single(log: RawLog, batch: _Batch, facts: list[Fact]) -> None:
    _expect(log, 4, _TWO_WORDS)
    data = bytes.fromhex(log.data[2:])
    if len(data) != 64:
        raise Malformed("WRONG_DATA_LENGTH")
    _, operator, from_, to = log.topics
    accounts = batch.accounts
    facts.append(
        TransferFact(
            *batch.head(log),
            0,
            _ERC1155,
            accounts[operator],
            accounts[from_],
            accounts[to],
            int.from_bytes(data[:32]),
            int.from_bytes(data[32:]),
        )
    )


def _transfer_batch(log: RawLog, batch: _Batch, facts: list[Fact]) -> None:
    if len(log.topics) != 4:
        raise Malformed("WRONG_TOPIC_COUNT")
    data = bytes.fromhex(log.data[2:])
    ids, amounts = _array(data, 0), _array(data, 32)
    if len(ids) != len(amounts):
        raise Malformed("ARRAYS_DIFFER")
    head = batch.head(log)
    operator, from_, to = (batch.accounts[word] for word in log.topics[1:])
    facts += [
        TransferFact(*head, index, _ERC1155, operator, from_, to, token_id, amount)
        for index, (token_id, amount) in enumerate(zip(ids, amounts, strict=True))
    ]


def _array(data: bytes, head: int) -> list[int]:
    """The ``uint256[]`` whose offset stands at `head`. Its length is believed only as far as there are bytes."""
    offset = int.from_bytes(data[head : head + 32])
    start = offset + 32
    if start > len(data):
        raise Malformed("WRONG_OFFSET")
    end = start + 32 * int.from_bytes(data[offset:start])
    if end > len(data):
        raise Malformed("WRONG_ARRAY_LENGTH")
    return [int.from_bytes(data[i : i + 32]) for i in range(start, end, 32)]


def _consecutive_transfer(log: RawLog, batch: _Batch, facts: list[Fact]) -> None:
    _expect(log, 4, _ONE_WORD)
    first, last = int.from_bytes(_word(log.topics[1])), int.from_bytes(_word(log.data))
    if first > last:
        raise Malformed("EMPTY_RANGE")
    accounts = batch.accounts
    facts.append(
        ConsecutiveTransferFact(*batch.head(log), first, last, accounts[log.topics[2]], accounts[log.topics[3]])
    )


def _approval(log: RawLog, batch: _Batch, facts: list[Fact]) -> None:
    if _is_currency(log):
        return
    _expect(log, 4, len(_NOTHING))
    _, owner, operator, token_id = log.topics
    accounts = batch.accounts
    facts.append(
        TokenApprovalFact(*batch.head(log), accounts[owner], accounts[operator], int.from_bytes(_word(token_id)))
    )


def _approval_for_all(log: RawLog, batch: _Batch, facts: list[Fact]) -> None:
    _expect(log, 3, _ONE_WORD)
    approved = int.from_bytes(_word(log.data))
    if approved > 1:
        raise Malformed("NOT_A_BOOL")
    _, owner, operator = log.topics
    accounts = batch.accounts
    facts.append(ApprovalForAllFact(*batch.head(log), accounts[owner], accounts[operator], approved == 1))


def _uri(log: RawLog, batch: _Batch, facts: list[Fact]) -> None:
    if len(log.topics) != 2:
        raise Malformed("WRONG_TOPIC_COUNT")
    token_id = int.from_bytes(_word(log.topics[1]))
    (uri,) = abi_decode(("string",), bytes.fromhex(log.data[2:]))
    facts.append(MetadataRefreshFact(*batch.head(log), token_id, token_id, uri))


def _metadata_update(log: RawLog, batch: _Batch, facts: list[Fact]) -> None:
    _expect(log, 1, _ONE_WORD)
    token_id = int.from_bytes(_word(log.data))
    facts.append(MetadataRefreshFact(*batch.head(log), token_id, token_id, None))


def _batch_metadata_update(log: RawLog, batch: _Batch, facts: list[Fact]) -> None:
    _expect(log, 1, _TWO_WORDS)
    first, last = abi_decode(("uint256", "uint256"), bytes.fromhex(log.data[2:]))
    if first > last:
        raise Malformed("EMPTY_RANGE")
    facts.append(MetadataRefreshFact(*batch.head(log), first, last, None))


def _contract_uri_updated(log: RawLog, batch: _Batch, facts: list[Fact]) -> None:
    _expect(log, 1, len(_NOTHING))
    facts.append(MetadataRefreshFact(*batch.head(log), None, None, None))


def _ownership_transferred(log: RawLog, batch: _Batch, facts: list[Fact]) -> None:
    _expect(log, 3, len(_NOTHING))
    previous, owner = (batch.accounts[word] for word in log.topics[1:])
    facts.append(OwnershipFact(*batch.head(log), previous, owner))


def _role_granted(log: RawLog, batch: _Batch, facts: list[Fact]) -> None:
    _expect(log, 4, len(_NOTHING))
    facts.append(RoleFact(*batch.head(log), _word(log.topics[1]), batch.accounts[log.topics[2]], True))


def _role_revoked(log: RawLog, batch: _Batch, facts: list[Fact]) -> None:
    _expect(log, 4, len(_NOTHING))
    facts.append(RoleFact(*batch.head(log), _word(log.topics[1]), batch.accounts[log.topics[2]], False))


def _collection_created(log: RawLog, batch: _Batch, facts: list[Fact]) -> None:
    if len(log.topics) != 4:
        raise Malformed("WRONG_TOPIC_COUNT")
    collection, creator = (batch.accounts[word] for word in log.topics[1:3])
    standard = _FACTORY_STANDARDS.get(int.from_bytes(_word(log.topics[3])))
    if standard is None:
        raise Malformed("UNKNOWN_STANDARD")
    values = abi_decode(("bytes32", "string", "string", "string", "string"), bytes.fromhex(log.data[2:]))
    facts.append(CollectionCreatedFact(*batch.head(log), collection, creator, standard, *values))


def _mint_config_set(log: RawLog, batch: _Batch, facts: list[Fact]) -> None:
    _expect(log, 2, len(_NOTHING) + 7 * _HEX_WORD)
    values = abi_decode(
        ("uint128", "uint64", "uint32", "uint64", "uint64", "bytes32", "address"), bytes.fromhex(log.data[2:])
    )
    token_id = int.from_bytes(_word(log.topics[1]))
    facts.append(MintConfigFact(*batch.head(log), token_id, MintConfig(*values)))


def _default_royalty_set(log: RawLog, batch: _Batch, facts: list[Fact]) -> None:
    _expect(log, 1, _TWO_WORDS)
    receiver, bps = abi_decode(("address", "uint96"), bytes.fromhex(log.data[2:]))
    facts.append(RoyaltyFact(*batch.head(log), receiver, bps))


def _seaport(log: RawLog, batch: _Batch, facts: list[Fact]) -> None:
    words = tuple(map(_word, log.topics))
    facts.append(SeaportRaw(*batch.head(log), words, bytes.fromhex(log.data[2:])))


_READERS: dict[str, Callable[[RawLog, _Batch, list[Fact]], None]] = {
    topics.TRANSFER: _transfer,
    topics.APPROVAL: _approval,
    topics.APPROVAL_FOR_ALL: _approval_for_all,
    topics.TRANSFER_SINGLE: _transfer_single,
    topics.TRANSFER_BATCH: _transfer_batch,
    topics.URI: _uri,
    topics.CONSECUTIVE_TRANSFER: _consecutive_transfer,
    topics.METADATA_UPDATE: _metadata_update,
    topics.BATCH_METADATA_UPDATE: _batch_metadata_update,
    topics.CONTRACT_URI_UPDATED: _contract_uri_updated,
    topics.OWNERSHIP_TRANSFERRED: _ownership_transferred,
    topics.ROLE_GRANTED: _role_granted,
    topics.ROLE_REVOKED: _role_revoked,
    topics.COLLECTION_CREATED: _collection_created,
    topics.MINT_CONFIG_SET: _mint_config_set,
    topics.DEFAULT_ROYALTY_SET: _default_royalty_set,
    **dict.fromkeys(topics.SEAPORT_TOPICS, _seaport),
}
