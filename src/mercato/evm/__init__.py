"""The chain as seen from Python; imports no service."""
