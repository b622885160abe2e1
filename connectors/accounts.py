"""Reading an account's settings, with one wording for what is missing."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contracts import Account, ConfigField
from connectors.errors import Misconfigured


class Settings:
    """The settings and secrets of an account, with the defaults of its fields."""

    def __init__(self, account: Account, fields: Sequence[ConfigField]) -> None:
        self._values = {field.name: field.default for field in fields}
        for given in (account.settings, account.secrets):
            self._values.update({name: value.strip() for name, value in given.items() if value and value.strip()})
        self._labels = {field.name: field.label for field in fields}

    def get(self, name: str) -> str:
        """The value, the default, or ''."""
        return self._values.get(name, "")

    def need(self, name: str) -> str:
        """The value. Raises `Misconfigured`, naming the setting, when it is empty."""
        value = self.get(name)
        if not value:
            raise Misconfigured(f"Setting {self._labels.get(name, name)} ({name}) is empty; enter it on the connection's page")
        return value
