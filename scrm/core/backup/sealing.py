"""Encryption of what leaves the house. Keys: Fernet, newest first; the first encrypts and names, all decrypt."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import zlib
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

LEVEL = 6


class BackupError(Exception):
    """Why there is no backup, or why it cannot be restored, in words for the person who asked."""


class Seal:
    def __init__(self, keys: list[str]) -> None:
        if not keys:
            raise BackupError("BACKUP_KEY is not set: nothing leaves the house unencrypted. Make one with manage.py backup --new-key.")
        try:
            self._cipher = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise BackupError("BACKUP_KEY must hold Fernet keys, newest first; manage.py backup --new-key makes one.") from error
        self._naming = [hashlib.sha256(b"scrm backup names" + key.encode()).digest() for key in keys]

    @property
    def name(self) -> str:
        """Of the key that encrypts."""
        return self.digest(b"")

    def digest(self, plain: bytes) -> str:
        """Nobody without the key can tell from it what is inside."""
        return hmac.new(self._naming[0], plain, hashlib.sha256).hexdigest()

    def is_digest(self, digest: str, plain: bytes) -> bool:
        """Made with any of the keys."""
        return any(hmac.compare_digest(hmac.new(naming, plain, hashlib.sha256).hexdigest(), digest) for naming in self._naming)

    def close(self, plain: bytes) -> bytes:
        """A Fernet token without its base64, which would be a third longer."""
        return base64.urlsafe_b64decode(self._cipher.encrypt(gzip.compress(plain, LEVEL, mtime=0)))

    def open(self, sealed: bytes) -> bytes:
        try:
            return gzip.decompress(self._cipher.decrypt(base64.urlsafe_b64encode(sealed)))
        except InvalidToken as error:
            raise BackupError("cannot be read: it is damaged, or BACKUP_KEY is not the key that it was written with") from error
        except (OSError, EOFError, zlib.error) as error:
            raise BackupError(f"is damaged: {error}") from error

    def close_json(self, value: Any) -> bytes:
        return self.close(json.dumps(value, ensure_ascii=False).encode())

    def open_json(self, sealed: bytes) -> Any:
        return json.loads(self.open(sealed))


def seal() -> Seal:
    return Seal([key.strip() for key in settings.BACKUP_KEY.split(",") if key.strip()])
