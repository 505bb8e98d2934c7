"""Where the indexer remembers: checkpoints, recent blocks and forks in PostgreSQL, raw events in MongoDB."""
