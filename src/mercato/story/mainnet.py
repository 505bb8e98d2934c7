"""Real mainnet blocks through indexer and catalog, compared row by row with what an independent decoder found."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import orjson

from mercato.kit import grpc
from mercato.kit.ids import ChainId
from mercato.kit.settings import Settings
from mercato.rpc.catalog.v1 import catalog_pb2
from mercato.rpc.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from mercato.rpc.chains.v1 import chains_pb2 as chains
from mercato.rpc.chains.v1.chains_pb2_grpc import ChainsServiceStub

MAINNET = ChainId(1)
DATA = Path(__file__).resolve().parents[3] / "tests" / "data" / "onchain"
"""The recording, its expected rows and their origin (README.md there)."""

_ZERO = "0x" + "0" * 40
_REGISTRY_PATIENCE = 30.0

_TRANSFERS = """
SELECT CASE WHEN t.amount IS NULL THEN 'erc721' ELSE 'erc1155' END AS standard, b.number,
       encode(t.tx_hash, 'hex') AS tx, t.log_index, t.batch_index, encode(c.contract, 'hex') AS contract,
       encode(t.sender, 'hex') AS sender, encode(t.recipient, 'hex') AS recipient,
       encode(t.operator, 'hex') AS operator,
       t.token_id::text AS token, coalesce(t.amount, 1)::text AS amount
FROM ownership_transfers t JOIN blocks b USING (block_ref) JOIN collections c USING (collection_ref)
"""
_OWNERS = """
SELECT encode(c.contract, 'hex') AS contract, t.token_id::text AS token, encode(t.owner, 'hex') AS owner
FROM tokens t JOIN collections c USING (collection_ref) WHERE t.moved_block_ref IS NOT NULL
"""
_BALANCES = """
SELECT encode(c.contract, 'hex') AS contract, b.token_id::text AS token, encode(b.owner, 'hex') AS owner,
       b.amount::text AS amount
FROM token_balances b JOIN collections c USING (collection_ref) WHERE b.amount <> 0
"""


@dataclass(frozen=True)
class Comparison:
    """One kind of row, counted: expected, found, and what is on one side only."""

    what: str
    expected: int
    found: int
    missing: int
    unexpected: int

    @property
    def is_equal(self) -> bool:
        return self.missing == self.unexpected == 0 and self.expected > 0


async def register(settings: Settings, url: str) -> None:
    """Makes the registry know mainnet at a recorded node, every NFT contract in scope, from the first block."""
    async with grpc.connected(settings, "chains", ChainsServiceStub) as registry:
        chain = chains.Chain(
            chain_id=MAINNET.caip2, name="Mainnet (recorded)", currency_symbol="ETH", currency_decimals=18,
            enabled=True, scope=chains.INDEX_SCOPE_ALL,
        )  # fmt: skip
        await registry.PutChain(chains.PutChainRequest(chain=chain), timeout=_REGISTRY_PATIENCE)
        # The recording is of single blocks: none follows another, so none may count as near the head.
        policy = chains.GasPolicy(
            base_fee_multiplier_percent=200, max_priority_fee="0", max_fee_cap=str(10**12), confirmations=1,
            finality_depth=1,
        )  # fmt: skip
        await registry.PutGasPolicy(chains.PutGasPolicyRequest(chain_id=MAINNET.caip2, gas_policy=policy))
        endpoint = chains.Endpoint(url=url, weight=1)
        await registry.PutEndpoint(chains.PutEndpointRequest(chain_id=MAINNET.caip2, endpoint=endpoint))


async def catalogued(settings: Settings) -> int:
    """The mainnet block that the catalog's rows are true at; 0 before the first."""
    async with grpc.connected(settings, "catalog", CatalogServiceStub) as catalog:
        answer = await catalog.GetReadPoints(catalog_pb2.GetReadPointsRequest())
    return max((p.block_number for p in answer.points if p.chain_id == MAINNET.caip2), default=0)


def last_block(data: Path = DATA) -> int:
    return max(int(block["number"], 16) for block in _lines(data / "blocks.jsonl.gz"))


async def compare(settings: Settings, data: Path = DATA) -> list[Comparison]:
    """Movements, last ERC-721 owners and ERC-1155 balance changes, field by field."""
    state = orjson.loads(gzip.decompress((data / "expected_state.json.gz").read_bytes()))
    connection = await asyncpg.connect(settings.database_url("catalog_db"))
    try:
        moved = map(_transfer_row, await connection.fetch(_TRANSFERS))
        owned = ((f"{_hex(r['contract'])}/{r['token']}", _hex(r["owner"])) for r in await connection.fetch(_OWNERS))
        held = (
            (f"{_hex(r['contract'])}/{r['token']}/{_hex(r['owner'])}", r["amount"])
            for r in await connection.fetch(_BALANCES)
        )
        return [
            _comparison("NFT movements", map(_expected_row, _lines(data / "expected_transfers.jsonl.gz")), moved),
            _comparison("last ERC-721 owners", state["erc721_last_owner"].items(), owned),
            _comparison("ERC-1155 balance changes", _changes(state), held),
        ]
    finally:
        await connection.close()


def _changes(state: dict[str, dict[str, str]]) -> Iterator[tuple[str, str]]:
    """Without what came and went again, and without the zero address, which holds nothing."""
    (name,) = (k for k in state if k.startswith("erc1155"))
    return ((k, v) for k, v in state[name].items() if v != "0" and not k.endswith(_ZERO))


def _comparison(what: str, expected: Iterable[Hashable], found: Iterable[Hashable]) -> Comparison:
    left, right = Counter(expected), Counter(found)
    return Comparison(what, left.total(), right.total(), (left - right).total(), (right - left).total())


def _hex(digits: str | None) -> str:
    return f"0x{digits}" if digits else _ZERO


def _transfer_row(row: asyncpg.Record) -> tuple[object, ...]:
    operator = f"0x{row['operator']}" if row["operator"] else None
    return (
        row["standard"], row["number"], f"0x{row['tx']}", row["log_index"], row["batch_index"], _hex(row["contract"]),
        _hex(row["sender"]), _hex(row["recipient"]), operator, row["token"], row["amount"],
    )  # fmt: skip


def _expected_row(row: dict[str, str]) -> tuple[object, ...]:
    return (
        row["standard"], row["blockNumber"], row["transactionHash"], row["logIndex"], row["batchIndex"],
        row["contract"], row["from"], row["to"], row.get("operator"), row["tokenId"], row["amount"],
    )  # fmt: skip


def _lines(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path) as file:
        for line in file:
            yield orjson.loads(line)
