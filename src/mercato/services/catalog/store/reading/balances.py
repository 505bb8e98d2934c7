"""Who holds what: ERC-721 owners and ERC-1155 units above zero, in one list."""

from __future__ import annotations

import asyncpg

from mercato.kit.ids import Address, ChainId
from mercato.kit.postgres import Pool
from mercato.services.catalog.model.views import BalanceCursor, BalanceFilter, BalanceView, Page, block_number
from mercato.services.catalog.store.reading import snapshot
from mercato.services.catalog.store.reading.arguments import Arguments, all_of, in_scope

_SELECT = """
SELECT h.collection_ref, s.chain_number, c.contract, h.token_id::text, h.owner, h.amount::text, h.block_ref
FROM ({held}) h JOIN collections c USING (collection_ref) JOIN sync_state s USING (chain_ref)
ORDER BY h.collection_ref, h.token_id, h.owner LIMIT {limit}
"""
_HELD = """
(SELECT x.collection_ref, x.token_id, x.owner, 1::numeric AS amount, x.moved_block_ref AS block_ref
 FROM tokens x WHERE x.owner IS NOT NULL AND {conditions}
 ORDER BY x.collection_ref, x.token_id, x.owner LIMIT {limit})
UNION ALL
(SELECT x.collection_ref, x.token_id, x.owner, x.amount, x.last_block_ref
 FROM token_balances x WHERE x.amount > 0 AND {conditions}
 ORDER BY x.collection_ref, x.token_id, x.owner LIMIT {limit})
"""
# Each owner's rows come sorted from an index; only their first ones are merged.
_OF_OWNERS = "SELECT part.* FROM unnest({owners}) AS o (owner) CROSS JOIN LATERAL ({held}) part"


class BalanceReads:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def list_balances(self, asked: BalanceFilter, size: int, after: BalanceCursor | None) -> Page[BalanceView]:
        """By collection, token id and owner."""
        arguments, limit = Arguments(), size + 1
        conditions = in_scope(arguments, asked.scope, "x")
        if after is not None:
            conditions.append(_after(arguments, asked, after))
        if asked.owners:
            conditions.append("x.owner = o.owner")
            owners = arguments(list(set(asked.owners)), "bytea[]")
            held = _OF_OWNERS.format(owners=owners, held=_HELD.format(conditions=all_of(conditions), limit=limit))
        else:
            held = _HELD.format(conditions=all_of(conditions), limit=limit)
        statement = _SELECT.format(held=held, limit=limit)
        return Page.of(await snapshot.fetch(self._pool, statement, arguments, asked.scope.chains, _view), size)


def _after(arguments: Arguments, asked: BalanceFilter, after: BalanceCursor) -> str:
    """Compares only what the scope has not pinned, so that an index starts at the cursor."""
    ref, token_id, owner = after
    if asked.scope.token_id is not None:
        return f"x.owner > {arguments(owner, 'bytea')}"
    if asked.scope.contract is not None:
        return f"(x.token_id, x.owner) > ({arguments.numeric(token_id)}, {arguments(owner, 'bytea')})"
    return (
        "(x.collection_ref, x.token_id, x.owner) >"
        f" ({arguments(ref, 'int')}, {arguments.numeric(token_id)}, {arguments(owner, 'bytea')})"
    )


def _view(row: asyncpg.Record) -> BalanceView:
    return BalanceView(
        collection_ref=row["collection_ref"],
        chain=ChainId(row["chain_number"]),
        contract=Address(row["contract"]),
        token_id=row["token_id"],
        owner=row["owner"],
        amount=int(row["amount"]),
        updated_block=block_number(row["block_ref"]),
    )
