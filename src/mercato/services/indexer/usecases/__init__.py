"""What the indexer does with a chain: read history, follow the tip, follow a fork; over stores given as ports."""
