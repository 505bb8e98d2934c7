"""Tokens with their owners, documents and traits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import asyncpg

from mercato.kit.ids import Address, ChainId
from mercato.kit.postgres import Pool
from mercato.services.catalog.model.facts import Standard
from mercato.services.catalog.model.metadata import PENDING
from mercato.services.catalog.model.views import Page, TokenCursor, TokenFilter, TokenView, block_number
from mercato.services.catalog.store.arrays import numerics
from mercato.services.catalog.store.reading.arguments import Arguments, all_of, in_scope

_SELECT = """
SELECT t.collection_ref, s.chain_number, c.contract, c.standard, t.token_id::text, t.owner, t.supply::text, m.uri,
    m.name, m.description, m.image, m.animation_url, m.state, t.minted_block_ref, b.mined_at
FROM ({keys}) k
JOIN tokens t ON t.collection_ref = k.collection_ref AND t.token_id = k.token_id
JOIN collections c ON c.collection_ref = t.collection_ref
JOIN sync_state s ON s.chain_ref = c.chain_ref
LEFT JOIN token_metadata m ON m.collection_ref = t.collection_ref AND m.token_id = t.token_id
LEFT JOIN blocks b ON b.block_ref = t.minted_block_ref
ORDER BY t.collection_ref, t.token_id
"""
_BATCH = """
SELECT t.collection_ref, t.token_id
FROM unnest($1::bigint[], $2::bytea[], $3::text::numeric[]) AS i (chain_number, contract, token_id)
JOIN sync_state s ON s.chain_number = i.chain_number
JOIN collections c ON c.chain_ref = s.chain_ref AND c.contract = i.contract
JOIN tokens t ON t.collection_ref = c.collection_ref AND t.token_id = i.token_id
"""
_TRAITS = """
SELECT l.collection_ref, l.token_id::text, t.name, v.value
FROM unnest($1::int[], $2::text::numeric[]) AS i (collection_ref, token_id)
JOIN token_trait_links l ON l.collection_ref = i.collection_ref AND l.token_id = i.token_id
JOIN trait_values v USING (value_ref)
JOIN traits t USING (trait_ref)
ORDER BY t.name, v.value
"""
_FLAGS = """
SELECT f.collection_ref, f.token_id::text, f.flag FROM unnest($1::int[], $2::text::numeric[]) AS i (collection_ref, token_id)
JOIN nft_flags f USING (collection_ref, token_id) ORDER BY f.flag
"""
_KEYS = """
SELECT x.collection_ref, x.token_id FROM {table} x WHERE {conditions} ORDER BY x.collection_ref, x.token_id LIMIT {limit}
"""
_HELD = "SELECT * FROM (({owned}) UNION ({units})) held ORDER BY collection_ref, token_id LIMIT {limit}"
# Collection by collection, so that a chain's tokens are found however few it has among those of the others.
_ACROSS = """
SELECT x.collection_ref, x.token_id FROM collections c CROSS JOIN LATERAL (
    SELECT t.collection_ref, t.token_id FROM tokens t WHERE t.collection_ref = c.collection_ref AND {after_token}
    ORDER BY t.token_id LIMIT {limit}
) x WHERE {conditions} ORDER BY c.collection_ref, x.token_id LIMIT {limit}
"""
