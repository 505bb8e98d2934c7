"""The GraphQL schema made executable: scalars, resolvers, loaders, errors and the engine that runs operations."""
