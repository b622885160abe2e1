"""Model fields that keep secrets encrypted at rest."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(
            "SCRM_ENCRYPTION_KEYS must hold Fernet keys (32 bytes, url-safe base64), newest first: "
            "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
        ) from error


def cipher() -> MultiFernet:
    """Encrypts with the first key, decrypts with any: put a new key in front to rotate."""
    return _cipher(tuple(settings.ENCRYPTION_KEYS))


class EncryptedJSONField(models.TextField[Any, Any]):
    """A JSON value stored as a Fernet token. Not searchable; never shown as it is."""

    def get_prep_value(self, value: Any) -> Any:
        if value is None:
            return None
        return cipher().encrypt(json.dumps(value, ensure_ascii=False).encode()).decode()

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        if not value:
            return {} if value == "" else None
        try:
            return json.loads(cipher().decrypt(value.encode()))
        except InvalidToken as error:
            raise ImproperlyConfigured(
                "A stored secret cannot be read with SCRM_ENCRYPTION_KEYS. Put the key that it was written with back into the list."
            ) from error

    def to_python(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) and value else value

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.get_prep_value(self.value_from_object(obj)))
