"""Where the registry is kept: chain_registry_db, whole chains by version in Redis, headers sealed in both."""
