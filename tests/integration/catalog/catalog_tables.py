"""The catalog's tables as one would compare them: by natural keys, without the small keys that depend on order."""

from __future__ import annotations

from typing import Any

from mercato.kit.ids import ChainId
from mercato.kit.postgres import Database

Tables = dict[str, list[tuple[Any, ...]]]

_OF_COLLECTION = "JOIN collections c USING (collection_ref) WHERE c.chain_ref = $1"
_HASH = "(SELECT hash FROM blocks b WHERE b.block_ref = {})"
_AT = f"{_HASH.format('x.block_ref')}, x.log_index"

_QUERIES = {
    "collections": "SELECT contract, standard, moved_as, followed, name, symbol, base_uri, contract_uri, creator,"
    " owner, royalty_receiver, royalty_bps, token_count, holder_count, supply FROM collections c WHERE chain_ref = $1",
    "collection_bindings": f"SELECT c.contract, {_AT}, x.kind, x.source, x.tx_hash, x.creator, x.standard, x.name"
    f" FROM collection_bindings x {_OF_COLLECTION}",
    "collection_roles": f"SELECT c.contract, {_AT}, role, account, granted FROM collection_roles x {_OF_COLLECTION}",
    "collection_mint_config": f"SELECT c.contract, {_AT}, token_id, price, max_supply, per_wallet_limit, starts_at,"
    f" ends_at, allowlist_root, payee FROM collection_mint_config x {_OF_COLLECTION}",
    "collection_owners": f"SELECT c.contract, {_AT}, x.owner FROM collection_owners x {_OF_COLLECTION}",
    "collection_royalties": f"SELECT c.contract, {_AT}, receiver, bps FROM collection_royalties x {_OF_COLLECTION}",
    "activities": f"SELECT c.contract, {_AT}, kind, account, tx_hash FROM activities x {_OF_COLLECTION}",
    "ownership_transfers": f"SELECT c.contract, {_AT}, batch_index, token_id, sender, recipient, operator, amount,"
    f" tx_hash FROM ownership_transfers x {_OF_COLLECTION}",
    "tokens": f"SELECT c.contract, token_id, x.owner, {_HASH.format('moved_block_ref')}, moved_log_index,"
    f" moved_batch_index, {_HASH.format('minted_block_ref')}, x.supply FROM tokens x {_OF_COLLECTION}",
    "token_balances": f"SELECT c.contract, token_id, x.owner, amount, moves, {_HASH.format('last_block_ref')}"
    f" FROM token_balances x {_OF_COLLECTION}",
    "collection_holders": f"SELECT c.contract, x.owner, units, moves FROM collection_holders x {_OF_COLLECTION}",
    "token_metadata": f"SELECT c.contract, token_id, state, resolved_at, content_at, x.name, image, doc_id"
    f" FROM token_metadata x {_OF_COLLECTION}",
    "traits": f"SELECT c.contract, x.name, kind FROM traits x {_OF_COLLECTION}",
    "trait_values": "SELECT c.contract, t.name, v.value FROM trait_values v JOIN traits t USING (trait_ref)"
    " JOIN collections c USING (collection_ref) WHERE c.chain_ref = $1",
    "token_trait_links": "SELECT c.contract, l.token_id, t.name, v.value FROM token_trait_links l"
    " JOIN trait_values v USING (value_ref) JOIN traits t USING (trait_ref)"
    " JOIN collections c ON c.collection_ref = l.collection_ref WHERE c.chain_ref = $1",
    "metadata_requests": "SELECT c.contract, first_token, last_token, refresh"
    f" FROM metadata_requests x {_OF_COLLECTION}",
    "blocks": "SELECT hash, number FROM blocks WHERE chain_ref = $1 AND NOT orphaned",
}


async def rows(database: Database, chain: ChainId, table: str) -> list[tuple[Any, ...]]:
    """One table of one chain, rows sorted."""
    return (await tables(database, chain))[table]


async def tables(database: Database, chain: ChainId) -> Tables:
    """Every table of one chain, rows sorted."""
    chain_ref = await database.pool.fetchval("SELECT chain_ref FROM sync_state WHERE chain_number = $1", chain)
    found: Tables = {}
    for name, query in _QUERIES.items():
        rows = [tuple(row) for row in await database.pool.fetch(query, chain_ref)]
        found[name] = sorted(rows, key=repr)
    return found
