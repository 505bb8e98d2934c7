"""The chain registry.

owns: which chains exist, where their nodes and contracts are, what gas they pay; one version for each chain;
who changed what.
serves: `chains.v1.ChainsService`.
consumes: nothing.
publishes: nothing; readers compare versions.
stores: chain_registry_db (chains, chain_endpoints, chain_contracts, chain_gas_policy, chain_audit);
Redis `cache:chains:{chainId}:{version}`.
"""
