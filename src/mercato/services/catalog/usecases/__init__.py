"""What the catalog can do with what it hears: one class per kind of message."""
