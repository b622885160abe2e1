"""Names are split where people live: see `scrm.contacts.names`."""

from scrm.contacts.names import full_name, split_name

__all__ = ["full_name", "split_name"]
