"""Setting up a connection step by step: what to connect, its account, its fields, what would happen, live."""
