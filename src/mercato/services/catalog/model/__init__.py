"""The domain of the catalog: facts with their positions, what a set of movements adds up to, what is read back."""
