"""What auth can do: issue nonces, sign in, refresh, revoke, and say who a token speaks for."""
