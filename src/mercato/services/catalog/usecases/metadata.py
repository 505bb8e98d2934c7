"""Documents come in for tokens, and chains say when documents have changed."""

from __future__ import annotations

from collections.abc import Sequence

from mercato.kit.ids import Address, ChainId
from mercato.services.catalog.model.facts import Batch, Cause, Refresh, Resolution
from mercato.services.catalog.model.metadata import TokenRange, bounded, merged
from mercato.services.catalog.usecases import messages
from mercato.services.catalog.usecases.ports import Store, Unit


class JoinMetadata:
    """What tokens look like; the latest resolution wins, and a failure leaves the last document in place."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, cause: Cause, chain: ChainId, contract: Address, resolutions: Sequence[Resolution]) -> None:
        async def work(unit: Unit) -> None:
            held = await unit.collections.lock([contract])
            for collection in held.values():
                joined = await unit.metadata.join(collection.ref, map(bounded, resolutions))
                news = (messages.token_enriched(cause.event_id, chain, contract, r.token_id, r.name) for r in joined)
                unit.publish(*messages.tokens_changed(cause.event_id, news))

        await self._store.beside_others(cause, chain, work)


class ApplyRefreshes:
    """Contracts said that metadata changed (ERC-4906, ERC-1155 URI): the tokens they mean are put on the list of what
    to ask for. While history is read this holds for followed collections only, as it does for new tokens."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, cause: Cause, batch: Batch[Refresh]) -> None:
        async def work(unit: Unit) -> None:
            block_refs = await unit.blocks.publish(batch.blocks, batch.generation)
            valid = [fact for fact in batch.facts if block_refs[fact.block] is not None]
            held = await unit.collections.lock({fact.contract for fact in valid})
            await unit.metadata.request(
                [
                    TokenRange(collection.ref, str(first), str(last), refresh=True)
                    for contract, collection in held.items()
                    if collection.followed or not batch.catching_up
                    for first, last in merged((f.first, f.last) for f in valid if f.contract == contract)
                ]
            )

        await self._store.beside_others(cause, batch.chain, work)
