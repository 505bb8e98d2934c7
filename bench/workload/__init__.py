"""The recorded workload of the indexing benchmarks: made on anvil, kept in a file, replayed as a node."""
