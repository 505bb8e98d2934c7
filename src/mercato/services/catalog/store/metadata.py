"""What tokens look like: resolved documents, traits, and the ranges still to be asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import asyncpg

from mercato.kit.postgres import Connection
from mercato.services.catalog.model.facts import Resolution
from mercato.services.catalog.model.metadata import RESOLVED, MetadataPage, TokenRange
from mercato.services.catalog.store.arrays import numerics

# Two registers with their own times: the last attempt, and the last document that was had. Each takes what is later;
# of two at the same instant the higher text, so that any order ends alike. Tokens unknown here (a fork took them) have
# no row to join: should they come back, they are asked for again.
_JOIN = """
INSERT INTO token_metadata AS m (collection_ref, token_id, state, resolved_at, content_at, doc_id, uri, name,
    description, image, animation_url, external_url)
SELECT $1, i.* FROM unnest($2::text::numeric[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[],
    $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[])
    AS i (token_id, state, resolved_at, content_at, doc_id, uri, name, description, image, animation_url, external_url)
WHERE EXISTS (SELECT FROM tokens t WHERE t.collection_ref = $1 AND t.token_id = i.token_id)
ON CONFLICT (collection_ref, token_id) DO UPDATE SET
    state = CASE WHEN {later} THEN excluded.state ELSE m.state END,
    resolved_at = greatest(m.resolved_at, excluded.resolved_at),
    content_at = greatest(m.content_at, excluded.content_at),
    doc_id = CASE WHEN {fresh} THEN excluded.doc_id ELSE m.doc_id END,
    uri = CASE WHEN {fresh} THEN excluded.uri ELSE m.uri END,
    name = CASE WHEN {fresh} THEN excluded.name ELSE m.name END,
    description = CASE WHEN {fresh} THEN excluded.description ELSE m.description END,
    image = CASE WHEN {fresh} THEN excluded.image ELSE m.image END,
    animation_url = CASE WHEN {fresh} THEN excluded.animation_url ELSE m.animation_url END,
    external_url = CASE WHEN {fresh} THEN excluded.external_url ELSE m.external_url END
WHERE {later} OR {fresh}
RETURNING token_id::text, content_at, doc_id
""".replace("{later}", "(excluded.resolved_at, excluded.state) > (m.resolved_at, m.state)").replace(
    "{fresh}", "(excluded.content_at, excluded.doc_id) > (coalesce(m.content_at, '-infinity'), m.doc_id)"
)
_ADD_TRAITS = """
INSERT INTO traits (collection_ref, name, kind)
SELECT DISTINCT $1::int, i.name, i.kind FROM unnest($2::text[], $3::text[]) AS i (name, kind)
ON CONFLICT DO NOTHING
"""
_ADD_VALUES = """
INSERT INTO trait_values (trait_ref, value)
SELECT DISTINCT t.trait_ref, i.value FROM unnest($2::text[], $3::text[], $4::text[]) AS i (name, kind, value)
JOIN traits t ON t.collection_ref = $1 AND t.name = i.name AND t.kind = i.kind
ON CONFLICT DO NOTHING
"""
# How many rows an array holds decides between a hash and a nested loop; a plan kept from small arrays or empty tables
# has compared each link of a page with each other one, for a minute.
_PLAN_ANEW = "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)"
_LINK = """
WITH wanted AS MATERIALIZED (
    SELECT DISTINCT i.token_id, v.value_ref
    FROM unnest($3::text::numeric[], $4::text[], $5::text[], $6::text[]) AS i (token_id, name, kind, value)
    JOIN traits t ON t.collection_ref = $1 AND t.name = i.name AND t.kind = i.kind
    JOIN trait_values v ON v.trait_ref = t.trait_ref AND v.value = i.value
), added AS (
    INSERT INTO token_trait_links (collection_ref, token_id, value_ref) SELECT $1, token_id, value_ref FROM wanted
    ON CONFLICT DO NOTHING
)
DELETE FROM token_trait_links l
WHERE l.collection_ref = $1 AND l.token_id = ANY($2::text::numeric[])
    AND NOT EXISTS (SELECT FROM wanted w WHERE w.token_id = l.token_id AND w.value_ref = l.value_ref)
RETURNING value_ref
"""
_PRUNE_VALUES = """
DELETE FROM trait_values v WHERE v.value_ref = ANY($1::bigint[])
    AND NOT EXISTS (SELECT FROM token_trait_links l WHERE l.value_ref = v.value_ref)
RETURNING trait_ref
"""
_PRUNE_TRAITS = """
DELETE FROM traits t WHERE t.trait_ref = ANY($1::bigint[])
    AND NOT EXISTS (SELECT FROM trait_values v WHERE v.trait_ref = t.trait_ref)
"""

# A range inside one that waits already adds nothing to it.
_ENQUEUE = """
INSERT INTO metadata_requests (collection_ref, first_token, last_token, refresh)
SELECT * FROM unnest($1::int[], $2::text::numeric[], $3::text::numeric[], $4::bool[])
    AS i (collection_ref, first_token, last_token, refresh)
WHERE NOT EXISTS (
    SELECT FROM metadata_requests m WHERE m.collection_ref = i.collection_ref
        AND m.first_token <= i.first_token AND m.last_token >= i.last_token AND m.refresh >= i.refresh
)
"""
_NEXT = """
SELECT m.collection_ref, m.refresh, s.chain_number, c.contract, c.standard
FROM metadata_requests m JOIN collections c USING (collection_ref) JOIN sync_state s USING (chain_ref)
ORDER BY m.id LIMIT 1 FOR UPDATE OF m SKIP LOCKED
"""
_WAITING = """
SELECT id, first_token::text, last_token::text FROM metadata_requests
WHERE collection_ref = $1 AND refresh = $2 ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED
"""
# Burned tokens are not asked for: their contract has nothing left to say.
_TOKENS = """
SELECT token_id::text FROM tokens t
WHERE collection_ref = $1 AND token_id BETWEEN $2::text::numeric AND $3::text::numeric
    AND (owner IS NOT NULL OR supply <> 0)
    AND ($4 OR NOT EXISTS (
        SELECT FROM token_metadata m WHERE m.collection_ref = t.collection_ref AND m.token_id = t.token_id))
ORDER BY t.token_id LIMIT $5
"""
_FINISH = "DELETE FROM metadata_requests WHERE id = ANY($1::bigint[])"
_SHRINK = "UPDATE metadata_requests SET first_token = $2::text::numeric + 1 WHERE id = $1"
_FORGET = """
DELETE FROM token_metadata m USING unnest($1::int[], $2::text::numeric[]) AS i (collection_ref, token_id)
WHERE m.collection_ref = i.collection_ref AND m.token_id = i.token_id
"""
_UNLINK = """
DELETE FROM token_trait_links l USING unnest($1::int[], $2::text::numeric[]) AS i (collection_ref, token_id)
WHERE l.collection_ref = i.collection_ref AND l.token_id = i.token_id
RETURNING value_ref
"""


class Metadata:
    """Documents and traits of collections that this transaction has locked, and the list of what to ask for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.has_requests = False

    async def join(self, collection_ref: int, resolutions: Iterable[Resolution]) -> list[Resolution]:
        """Joins what was resolved to its tokens; those whose document is now the token's."""
        await self._connection.execute(_PLAN_ANEW)
        joined = []
        for different in _rounds(resolutions):
            joined += await self._join(collection_ref, different)
        return joined

    async def request(self, ranges: Collection[TokenRange]) -> None:
        """Adds ranges to what is to be asked for."""
        if ranges:
            self.has_requests = True
            refs, firsts, lasts, refresh = zip(*ranges, strict=True)
            await self._connection.execute(_ENQUEUE, refs, numerics(firsts), numerics(lasts), refresh)

    async def take_page(self, limit: int) -> MetadataPage | None:
        """Takes up to `limit` tokens of one collection off the list; None when nothing waits."""
        head = await self._connection.fetchrow(_NEXT)
        if head is None:
            return None
        collection_ref, refresh, *place = head
        rows = await self._connection.fetch(_WAITING, collection_ref, refresh, limit)
        token_ids: list[str] = []
        finished = []
        for row in rows:
            left = limit - len(token_ids)
            found = await self._connection.fetch(
                _TOKENS, collection_ref, row["first_token"], row["last_token"], refresh, left
            )
            token_ids += (token["token_id"] for token in found)
            if len(found) == left:
                await self._connection.execute(_SHRINK, row["id"], token_ids[-1])
                break
            finished.append(row["id"])
        await self._connection.execute(_FINISH, finished)
        chain_number, contract, standard = place
        return MetadataPage(chain_number, contract, standard, token_ids, refresh)

    async def forget(self, tokens: Sequence[tuple[int, str]]) -> None:
        """Removes what is known of tokens that are no more."""
        refs, ids = zip(*tokens, strict=True)
        token_ids = numerics(ids)
        await self._connection.execute(_FORGET, refs, token_ids)
        await self._prune(await self._connection.fetch(_UNLINK, refs, token_ids))

    async def _join(self, collection_ref: int, resolutions: Sequence[Resolution]) -> list[Resolution]:
        """`resolutions` are of different tokens."""
        columns = zip(*map(_columns, resolutions), strict=True)
        token_ids = numerics(r.token_id for r in resolutions)
        rows = await self._connection.fetch(_JOIN, collection_ref, token_ids, *columns)
        current = {(row["token_id"], row["content_at"], row["doc_id"]) for row in rows}
        joined = [r for r in resolutions if not r.failure and (r.token_id, r.resolved_at, r.doc_id) in current]
        if joined:
            await self._replace_traits(collection_ref, joined)
        return joined

    async def _replace_traits(self, collection_ref: int, resolutions: Sequence[Resolution]) -> None:
        token_ids = numerics(r.token_id for r in resolutions)
        rows = [(r.token_id, t.name, t.kind, t.value) for r in resolutions for t in r.traits]
        owners, names, kinds, values = map(list, zip(*rows, strict=True)) if rows else ([], [], [], [])
        await self._connection.execute(_ADD_TRAITS, collection_ref, names, kinds)
        await self._connection.execute(_ADD_VALUES, collection_ref, names, kinds, values)
        await self._prune(
            await self._connection.fetch(_LINK, collection_ref, token_ids, numerics(owners), names, kinds, values)
        )

    async def _prune(self, unlinked: Sequence[asyncpg.Record]) -> None:
        """Values that no token has any more go, and traits without values: no table tells what was."""
        if unlinked:
            traits = await self._connection.fetch(_PRUNE_VALUES, {row["value_ref"] for row in unlinked})
            await self._connection.execute(_PRUNE_TRAITS, {row["trait_ref"] for row in traits})


def _columns(r: Resolution) -> tuple[object, ...]:
    return (
        r.failure or RESOLVED, r.resolved_at, None if r.failure else r.resolved_at, r.doc_id, r.uri, r.name,
        r.description, r.image, r.animation_url, r.external_url,
    )  # fmt: skip


def _rounds(resolutions: Iterable[Resolution]) -> Iterator[list[Resolution]]:
    """Splits them so that no token is twice in a round, which one statement could not write."""
    rounds: list[dict[str, Resolution]] = []
    for resolution in resolutions:
        place = next((r for r in rounds if resolution.token_id not in r), None)
        if place is None:
            rounds.append(place := {})
        place[resolution.token_id] = resolution
    return (list(r.values()) for r in rounds)
