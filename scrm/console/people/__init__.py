"""A person on the pages of the console: what is known of them, what happened, what they allowed, and their rights over their data."""
