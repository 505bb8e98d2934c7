"""Indexer: reads every chain of the registry and tells the house what happened on it.

owns: how far each chain is read, which blocks are recent, which forks were followed, which contracts are followed
serves: indexer.v1.IndexerService (progress of the chain readers, imports of existing contracts)
consumes: JSON-RPC nodes of the chain registry
publishes: collections.events (created, imported, configured), mints.events (minted), tokens.events (transferred,
    approved, refreshed), chains.events (reorged, advanced)
stores: Mongo events.raw, events.raw_marks; indexer_db (indexer_checkpoints, recent_blocks, reorgs, orphaned_blocks,
    followed_contracts, collection_imports)
"""
