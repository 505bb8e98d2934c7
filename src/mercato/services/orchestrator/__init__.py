"""Transaction intents: from what a user wants to the signed, mined and indexed transaction.

owns: what is prepared for a wallet to sign, and what became of it on chain.
serves: `orchestrator.v1.OrchestratorService` (collection: prepareCreateCollection, trackCollectionTx; mint:
prepareMint721, prepareMint1155, trackMintTx; reads).
consumes: nothing; asks nodes for receipts.
publishes: Redis pub/sub, a push for each step of an intent.
stores: orchestrator_db (tx_intents, orphaned_blocks, processed_events), through `mercato.intents`, which subscriptions
shares; Redis `intent:status:{intentId}`.
"""
