"""What the gateway keeps: nothing but copies."""
