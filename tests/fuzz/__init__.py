"""Documents and values nobody thought of, sent to a running marketplace by schemathesis: `make fuzz`."""
