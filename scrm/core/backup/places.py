"""Where backups lie. Carriers of the same names and bytes:

file:///folder                       a folder, such as a mounted disk
s3://bucket/prefix?endpoint_url=…    any object storage that speaks S3; needs django-storages[s3]
storage:<alias>                      an entry of settings.STORAGES: whatever else Django's storage API reaches
postgresql://user:password@host/db   a table in another database
mysql://user:password@host/db        the same in MySQL or MariaDB; needs PyMySQL
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from scrm.core.backup.folder import InFolder
from scrm.core.backup.sealing import BackupError
from scrm.core.storage import PARTIAL

SHAPES = (
    "file:///folder, s3://bucket/folder?endpoint_url=https://host, storage:<name in STORAGES>, postgresql://user:password@host/name "
    "or mysql://user:password@host/name"
)


class Place(Protocol):
    """Every method raises `BackupError` when the place does not do it."""

    def put(self, name: str, body: bytes) -> None:
        """Whole or not at all; what stood under the name is replaced."""

    def get(self, name: str) -> bytes | None: ...

    def names(self, prefix: str) -> Iterator[str]:
        """All names that begin with `segments/`, `manifests/` or `beside/`."""

    def remove(self, name: str) -> None: ...

    def close(self) -> None: ...


def place(url: str) -> Place:
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path.strip("/") and not parts.netloc:
        return InFolder(_apart_from_media(Path(unquote(parts.path))))
    if parts.scheme == "storage" and parts.path in storages.backends and parts.path not in {"default", "staticfiles"}:
        return InStorage(storages[parts.path])
    if parts.scheme == "s3" and parts.hostname:
        return InStorage(_bucket(url))
    if parts.scheme in {"postgres", "postgresql"}:
        from scrm.core.backup.databases import InPostgreSQL

        return InPostgreSQL(url)
    if parts.scheme in {"mysql", "mariadb"}:
        from scrm.core.backup.databases import InMySQL

        return InMySQL(url)
    raise BackupError(f"BACKUP_URL must look like {SHAPES}.")


def shown(url: str) -> str:
    """Without the password."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url.partition("?")[0]
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _apart_from_media(folder: Path) -> Path:
    """A backup below the files that it copies would copy itself, more every night."""
    media = Path(settings.MEDIA_ROOT).resolve()
    if folder.resolve() == media or media in folder.resolve().parents:
        raise BackupError(f"{folder} lies in MEDIA_ROOT, whose files are part of the backup: choose a folder elsewhere.")
    return folder


def _bucket(url: str) -> Storage:
    """Keys come from the address, else from wherever Amazon's library looks: AWS_ACCESS_KEY_ID and so on."""
    try:
        from storages.backends.s3 import S3Storage
    except ImportError as error:
        raise BackupError("A backup in an S3 bucket needs pip install 'django-storages[s3]', see docs/dependencies.md.") from error
    parts = urlsplit(url)
    given: dict[str, Any] = {"bucket_name": parts.hostname, "location": parts.path.strip("/"), **dict(parse_qsl(parts.query))}
    if parts.username:
        given |= {"access_key": unquote(parts.username), "secret_key": unquote(parts.password or "")}
    return S3Storage(**given, file_overwrite=True, default_acl=None)


class InStorage:
    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def put(self, name: str, body: bytes) -> None:
        with _in_words():
            stored = self.storage.save(name, ContentFile(body))
            if stored == name:
                return
            # A storage that never overwrites: what stood there has to go first.
            self.storage.delete(stored)
            self.storage.delete(name)
            stored = self.storage.save(name, ContentFile(body))
            if stored != name:
                self.storage.delete(stored)
                raise BackupError(f"the storage renamed {name} to {stored}; it must keep names")

    def get(self, name: str) -> bytes | None:
        with _in_words():
            try:
                with self.storage.open(name) as file:
                    return bytes(file.read())
            except FileNotFoundError:
                return None

    def names(self, prefix: str) -> Iterator[str]:
        with _in_words():
            try:
                folders, files = self.storage.listdir(prefix.rstrip("/"))
            except FileNotFoundError:
                return
        yield from (f"{prefix.rstrip('/')}/{file}" for file in sorted(files) if file and PARTIAL not in file)
        for folder in sorted(folders):
            yield from self.names(f"{prefix.rstrip('/')}/{folder}")

    def remove(self, name: str) -> None:
        with _in_words():
            self.storage.delete(name)

    def close(self) -> None:
        return None


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """A storage may raise anything: its library's own errors have no common class."""
    try:
        yield
    except BackupError:
        raise
    except Exception as error:
        raise BackupError(f"the storage of the backups does not do it: {type(error).__name__}: {str(error)[:200]}") from error


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
