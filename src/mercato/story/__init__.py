"""A newcomer's way through the marketplace, by its public API only: `make demo` shows it, tests repeat it."""
