"""What people said about tokens, and the history of it: a line for each change, in the statement that makes it."""

from __future__ import annotations

import asyncpg

from mercato.kit.ids import Address, ChainId
from mercato.kit.postgres import Pool
from mercato.services.catalog.model.views import Moderation

TokenKey = tuple[ChainId, Address, str]

_FIND = """
SELECT c.collection_ref, t.token_id FROM sync_state s
JOIN collections c ON c.chain_ref = s.chain_ref AND c.contract = $2
JOIN tokens t ON t.collection_ref = c.collection_ref AND t.token_id = $3::text::numeric
WHERE s.chain_number = $1
"""
_NOTE = """
INSERT INTO nft_flag_history (chain_number, contract, token_id, flag, raised, reason, done_by)
SELECT $1, $2, $3::text::numeric, $4, {raised}, $5, $6 FROM changed
"""
_RAISE = f"""
WITH changed AS (
    INSERT INTO nft_flags AS f (collection_ref, token_id, flag, reason, flagged_by)
    SELECT collection_ref, token_id, $4, $5, $6 FROM ({_FIND}) token
    ON CONFLICT (collection_ref, token_id, flag) DO UPDATE SET
        reason = excluded.reason, flagged_by = excluded.flagged_by, flagged_at = now()
    WHERE (f.reason, f.flagged_by) <> (excluded.reason, excluded.flagged_by)
    RETURNING f.flag
) {_NOTE.format(raised="true")}
"""
_LOWER = f"""
WITH changed AS (
    DELETE FROM nft_flags f USING ({_FIND}) token
    WHERE f.collection_ref = token.collection_ref AND f.token_id = token.token_id AND f.flag = $4
    RETURNING f.flag
) {_NOTE.format(raised="false")}
"""
_LIST = """
SELECT id, flag, raised, reason, done_by, at FROM nft_flag_history
WHERE chain_number = $1 AND contract = $2 AND token_id = $3::text::numeric AND ($4::bigint IS NULL OR id < $4)
ORDER BY id DESC LIMIT $5
"""


class Flags:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put_up(self, token: TokenKey, flag: str, reason: str, flagged_by: str) -> None:
        """Flags a token; a flag that stands gets the new reason. Nothing happens to a token that is not there."""
        await self._pool.execute(_RAISE, *token, flag, reason, flagged_by)

    async def take_down(self, token: TokenKey, flag: str, reason: str, unflagged_by: str) -> None:
        """Removes a flag, if it stands."""
        await self._pool.execute(_LOWER, *token, flag, reason, unflagged_by)

    async def history(self, token: TokenKey, limit: int, before: int | None) -> list[Moderation]:
        """What was done to a token's flags, newest first, before the line of that id."""
        return [_moderation(row) for row in await self._pool.fetch(_LIST, *token, before, limit)]


def _moderation(row: asyncpg.Record) -> Moderation:
    return Moderation(row["id"], row["flag"], row["raised"], row["reason"], row["done_by"], row["at"])
