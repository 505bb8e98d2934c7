"""Wallets: which addresses belong to which user, and what their owners approved on chain.

owns: links of addresses to users, current approvals and their history · serves: WalletsService ·
consumes: tokens.events approved and transferred, chains.events advanced and reorged · publishes: wallets.events
wallet.linked and wallet.unlinked · stores: wallet_db wallets, address_owners, departures, approvals, approvals_history,
token_moves, orphaned_blocks, sync_state, awaited_progress; Redis wallet:last-seen:{wallet},
wallet:approvals:cache:{chain}, wallet:approvals:cache:{chain}:{owner}:{page}
"""
