"""What the tests of backups share: the database as a backup reads it, and the database emptied as after `migrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction

from scrm.contacts.models import Contact
from scrm.conversations.models import Message
from scrm.core import clock
from scrm.core.backup import tables
from tests.contacts.privacy.seeding import Seed, seed
from tests.people import conversation, customer

SEARCH = ("contacts_search", "conversations_search")
PHOTO_NAME = "attachments/2026/11/28/cream.jpg"
PHOTO = b"\xff\xd8" + b"x" * 1000


def everything(given: Any = connection) -> dict[str, list[bytes]]:
    """Each table, row by row, as a backup reads it."""
    told: dict[str, list[bytes]] = {}
    for model in tables.tables():
        pieces = [plain for part in tables.ranges(model, given) for plain, _ in tables.pieces(model, part, given)]
        told[model._meta.label_lower] = b"".join(pieces).splitlines()
    return told


def empty() -> None:
    """As after `migrate`."""
    with connection.constraint_checks_disabled(), transaction.atomic(), connection.cursor() as cursor:
        models = [model for model in tables.tables() if model._meta.label_lower not in tables.MADE_BY_MIGRATE]
        for table in [*(model._meta.db_table for model in models), *SEARCH]:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")


def forget_words() -> None:
    """A test that really commits leaves its words in the search indexes, which are no tables of models and are not emptied after it."""
    with connection.cursor() as cursor:
        for table in SEARCH:
            cursor.execute(f"DELETE FROM {table}")


def settle_in(settings: Any, folder: Path) -> str:
    """Folders of a test's own, a key, and the address of a place for backups."""
    settings.MEDIA_ROOT = str(folder / "media")
    settings.LEDGER_DIR, settings.SPOOL_DIR, settings.EXPORTS_DIR = folder / "ledger", folder / "spool", folder / "exports"
    settings.BACKUP_KEY = Fernet.generate_key().decode()
    settings.BACKUP_URL = f"file://{folder}/backups"
    return str(settings.BACKUP_URL)


def seeded() -> Seed:
    """One row at least of nearly every table; takes a second."""
    made = seed(10)
    photo()
    return made


def photo(name: str = PHOTO_NAME) -> None:
    default_storage.save(name, ContentFile(PHOTO))


def few() -> Contact:
    """A customer with a handful of messages and a photo."""
    talk = conversation(customer("林怡君", "886912345678"))
    now = clock.now()
    given = {"conversation": talk, "connection": talk.connection, "direction": "in", "kind": "text", "state": "received", "created_at": now}
    Message.objects.bulk_create(Message(**given, text=f"想問護手霜 {n}", external_id=f"wamid.{n}", sent_at=now) for n in range(9))
    photo()
    return talk.identity.contact
