"""Auth on the wire: what it serves, what it calls, what it announces."""
