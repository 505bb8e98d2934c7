"""Transaction intents: the model and the store that the orchestrator and subscriptions share; imports no service."""
