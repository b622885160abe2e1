"""The endpoints, by family. Each function takes an Exchange and answers (status, body)."""
