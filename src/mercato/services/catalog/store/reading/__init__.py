"""Reading the catalog back: one statement per page, by key, at the same cost at any depth."""
