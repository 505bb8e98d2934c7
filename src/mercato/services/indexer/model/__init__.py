"""The rules of reading a chain; pure."""
