"""Catalog: the read model of the marketplace, made of facts that may come in any order and any number of times.

owns: collections, tokens, who holds what, what happened, what tokens look like, and the block each chain is read to
serves: catalog.v1.CatalogService
consumes: collections.events (created, configured), mints.events (minted), tokens.events (transferred, refreshed),
    chains.events (reorged, advanced), media.events (metadata.resolved)
publishes: collections.domain, mints.domain, tokens.domain, media.events (metadata.requested)
stores: catalog_db (sync_state, blocks, collections and their facts, tokens, ownership_transfers, token_balances,
    collection_holders, activities, token_metadata, traits, trait_values, token_trait_links, metadata_requests,
    nft_flags, nft_flag_history); Redis `cache:read:v:*`, the versions of what readers may keep
"""
