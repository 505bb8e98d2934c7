"""Proof that the read model is right: built anew from raw events, compared with the chain, and forked on purpose."""
