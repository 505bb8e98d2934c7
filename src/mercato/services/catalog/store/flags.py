"""What people said about tokens."""

from __future__ import annotations

from mercato.kit.ids import Address, ChainId
from mercato.kit.postgres import Pool

_FIND = """
SELECT c.collection_ref, t.token_id FROM sync_state s
JOIN collections c ON c.chain_ref = s.chain_ref AND c.contract = $2
JOIN tokens t ON t.collection_ref = c.collection_ref AND t.token_id = $3::text::numeric
WHERE s.chain_number = $1
"""
_RAISE = f"""
INSERT INTO nft_flags (collection_ref, token_id, flag, reason, flagged_by)
SELECT collection_ref, token_id, $4, $5, $6 FROM ({_FIND}) token
ON CONFLICT (collection_ref, token_id, flag) DO UPDATE SET
    reason = excluded.reason, flagged_by = excluded.flagged_by, flagged_at = now()
"""
_LOWER = f"""
DELETE FROM nft_flags f USING ({_FIND}) token
WHERE f.collection_ref = token.collection_ref AND f.token_id = token.token_id AND f.flag = $4
"""


class Flags:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put_up(self, token: tuple[ChainId, Address, str], flag: str, reason: str, flagged_by: str) -> None:
        """Flags a token; a flag that stands gets the new reason. Nothing happens to a token that is not there."""
        await self._pool.execute(_RAISE, *token, flag, reason, flagged_by)

    async def take_down(self, token: tuple[ChainId, Address, str], flag: str) -> None:
        """Removes a flag, if it stands."""
        await self._pool.execute(_LOWER, *token, flag)
