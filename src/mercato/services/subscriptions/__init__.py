"""The bridge from domain events to the intents they settle and to the people who watch.

owns: nothing; settles the orchestrator's intents through `mercato.intents`, the one store that two services share.
serves: nothing.
consumes: auth.events `user.logged_in`, wallets.events `wallet.linked`, collections.domain and mints.domain
`upserted.#`, tokens.domain `#`, chains.events `reorged.eip155.*`.
publishes: Redis pub/sub to the gateways, on the channels of `kit.channels`, with a log of each (`kit.pushes`).
stores: orchestrator_db (tx_intents, orphaned_blocks, processed_events); Redis `intent:status:{intentId}`, `log:push:*`,
`cache:read:v:*` (read versions, new before anything is told).
"""
