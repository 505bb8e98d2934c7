"""Where auth keeps things: PostgreSQL is the truth, Redis the quick copy that may be lost at any time."""
