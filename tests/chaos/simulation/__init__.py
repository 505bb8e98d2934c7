"""One seeded world: a chain that forks, nodes that lie, readers that die, a broker that shuffles; real tables."""
