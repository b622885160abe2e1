"""The keys without which a restored database is of little use: a backup carries proof of them, never the keys themselves."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.fernet import InvalidToken
from django.conf import settings

from scrm.core.backup.sealing import BackupError
from scrm.core.fields import cipher

PHRASE = b"scrm backup"


def proofs() -> dict[str, str]:
    return {"secret": _digest(settings.SECRET_KEY), "encryption": cipher().encrypt(PHRASE).decode()}


def _digest(secret: str) -> str:
    return hmac.new(hashlib.sha256(PHRASE + secret.encode()).digest(), PHRASE, hashlib.sha256).hexdigest()


def refuse_other_keys(given: dict[str, str]) -> None:
    """Stored credentials could not be read, and erased people would not be known again."""
    if given["secret"] not in {_digest(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)}:
        raise BackupError(
            "SECRET_KEY is not the one of the backup, and erased people would not be known again: "
            "set SECRET_KEY, or SECRET_KEY_FALLBACKS, to it"
        )
    try:
        cipher().decrypt(given["encryption"].encode())
    except InvalidToken as error:
        raise BackupError(
            "SCRM_ENCRYPTION_KEYS lacks the key of the backup, and stored credentials could not be read: put it into the list"
        ) from error
