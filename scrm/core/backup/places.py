"""Where backups lie. Three carriers of the same names and bytes:

file:///folder                     a folder, such as a mounted disk
storage:<alias>                    an entry of settings.STORAGES: any object storage that Django's storage API reaches
postgresql://user:password@host/db   a table in another database
mysql://user:password@host/db        the same in MySQL or MariaDB; needs PyMySQL
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from scrm.core.backup.sealing import BackupError
from scrm.core.storage import PARTIAL, WholeFileStorage


class Place(Protocol):
    def put(self, name: str, body: bytes) -> None:
        """Whole or not at all; what stood under the name is replaced."""

    def get(self, name: str) -> bytes | None: ...

    def names(self, prefix: str) -> Iterator[str]:
        """All names that begin with `segments/` or `manifests/`."""

    def remove(self, name: str) -> None: ...

    def close(self) -> None: ...


def place(url: str) -> Place:
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path.strip("/") and not parts.netloc:
        return InStorage(WholeFileStorage(location=unquote(parts.path)))
    if parts.scheme == "storage" and parts.path in storages.backends:
        return InStorage(storages[parts.path])
    if parts.scheme in {"postgres", "postgresql"}:
        from scrm.core.backup.databases import InPostgreSQL

        return InPostgreSQL(url)
    if parts.scheme == "mysql":
        from scrm.core.backup.databases import InMySQL

        return InMySQL(url)
    shapes = "file:///folder, storage:<name in STORAGES>, postgresql://user:password@host/name or mysql://user:password@host/name"
    raise BackupError(f"BACKUP_URL must look like {shapes}.")


def shown(url: str) -> str:
    """Without the password."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url.partition("?")[0]
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


class InStorage:
    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def put(self, name: str, body: bytes) -> None:
        if self.storage.exists(name):
            self.storage.delete(name)
        stored = self.storage.save(name, ContentFile(body))
        if stored != name:
            self.storage.delete(stored)
            raise BackupError(f"the storage renamed {name} to {stored}; it must keep names")

    def get(self, name: str) -> bytes | None:
        try:
            with self.storage.open(name) as file:
                return bytes(file.read())
        except FileNotFoundError:
            return None

    def names(self, prefix: str) -> Iterator[str]:
        try:
            folders, files = self.storage.listdir(prefix.rstrip("/"))
        except FileNotFoundError:
            return
        yield from (f"{prefix.rstrip('/')}/{file}" for file in sorted(files) if PARTIAL not in file)
        for folder in sorted(folders):
            yield from self.names(f"{prefix.rstrip('/')}/{folder}")

    def remove(self, name: str) -> None:
        self.storage.delete(name)

    def close(self) -> None:
        return None


def address(url: str) -> dict[str, Any]:
    """{host, port, user, password, database, options} of a database's address."""
    parts = urlsplit(url)
    name = unquote(parts.path.strip("/"))
    if not name:
        raise BackupError(f"BACKUP_URL {shown(url)} names no database.")
    return {
        "host": unquote(parts.hostname or ""),
        "port": parts.port,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": name,
        "options": dict(parse_qsl(parts.query)),
    }
