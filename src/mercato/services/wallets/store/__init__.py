"""Where wallets keeps things: PostgreSQL is the truth, Redis holds what may be lost."""
