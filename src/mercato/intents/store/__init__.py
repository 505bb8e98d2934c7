"""`tx_intents` of orchestrator_db, and the pushes that follow every change: the only SQL and Redis of intents."""

from mercato.intents.store.intents import STATUS_TTL, IntentStore, status_key

__all__ = ["STATUS_TTL", "IntentStore", "status_key"]
