"""metadata.requested: read each token's URI from its contract, resolve it, and publish what it gave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from google.protobuf.timestamp_pb2 import Timestamp

from mercato.kit import messages, topology
from mercato.kit.errors import Poison, Unavailable
from mercato.kit.ids import Address, ChainId, parse_uint256
from mercato.kit.messages import Incoming, Outgoing
from mercato.rpc.events.v1 import events_pb2 as pb
from mercato.services.media.model import Normalised, substitute_id
from mercato.services.media.usecases import Clock, Resolution, ResolveMetadata

ReadUris = Callable[[ChainId, Address, int, Sequence[int]], Awaitable[Sequence[str]]]
"""(chain, contract, standard, token ids) → URIs in that order, empty where the contract gives none."""

_PARALLEL = 8
_TRIES = 3
"""Tries of an outside source that does not answer; later ones are asked for with a refresh."""


class ResolveRequested:
    """Stateless: a repeated request publishes the same again, and the reader keeps the newest."""

    def __init__(
        self,
        read_uris: ReadUris,
        resolve: ResolveMetadata,
        publish: Callable[[Outgoing], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._read_uris = read_uris
        self._resolve = resolve
        self._publish = publish
        self._clock = clock

    async def __call__(self, incoming: Incoming) -> None:
        request = incoming.message
        if not isinstance(request, pb.MetadataRequested):
            raise Poison("UNEXPECTED_TYPE", f"{incoming.type} does not belong on this queue")
        chain, contract = ChainId.parse(request.chain_id), Address(request.contract)
        token_ids = [parse_uint256(t, "a token id") for t in request.token_ids]
        uris = await self._read_uris(chain, contract, request.standard, token_ids)
        gate = asyncio.Semaphore(_PARALLEL)

        async def one(resolved: str, token_id: int) -> Resolution:
            async with gate:
                return await self._resolve(resolved, token_id)

        # Many tokens may share one document: it is looked up once for all of them.
        resolved = [substitute_id(uri.strip(), token_id) for uri, token_id in zip(uris, token_ids, strict=True)]
        first = dict(zip(reversed(resolved), reversed(token_ids), strict=True))
        by_uri = dict(zip(first, await asyncio.gather(*map(one, first, first.values())), strict=True))
        found = [by_uri[uri] for uri in resolved]
        resolved_at = Timestamp()
        resolved_at.FromDatetime(self._clock())
        answer = pb.MetadataResolved(
            chain_id=request.chain_id,
            contract=request.contract,
            tokens=[_token(t, r, resolved_at) for t, r in zip(token_ids, found, strict=True)],
        )
        await self._publish(messages.outgoing(topology.MEDIA_EVENTS, topology.METADATA_RESOLVED, answer))
        if incoming.attempt < _TRIES and any(r.failure == "FETCH_FAILED" for r in found):
            raise Unavailable("FETCH_FAILED", "a metadata source did not answer; what did is published")


def _token(token_id: int, resolution: Resolution, at: Timestamp) -> pb.TokenMetadata:
    metadata: Normalised = resolution.metadata
    return pb.TokenMetadata(
        token_id=str(token_id), uri=resolution.uri, name=metadata.name, description=metadata.description,
        image=metadata.image, animation_url=metadata.animation_url, external_url=metadata.external_url,
        traits=[pb.Trait(name=n, value=v, kind=k) for n, v, k in metadata.traits],
        doc_id=resolution.doc_id, failure=resolution.failure, resolved_at=at,
    )  # fmt: skip
