"""A person's export: asked for with a reason, made in the background, fetched by those who may, removed after some days."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from scrm.contacts.models import Contact
from scrm.contacts.privacy.people import family_of, person
from scrm.contacts.privacy.registry import parts
from scrm.contacts.privacy.removing import unlink
from scrm.contacts.privacy.writing import ZipBox, write_zip
from scrm.contacts.privacy_models import PersonExport
from scrm.core import audit, clock, jobs
from scrm.core.logs import trail

DRAIN = "privacy.exports"
LEASE = timedelta(minutes=2)
MAX_ATTEMPTS = 3


def folder() -> Path:
    return Path(settings.EXPORTS_DIR)


def ask(contact: Contact, *, by: Any, reason: str, request: Any = None) -> PersonExport:
    with transaction.atomic():
        root = family_of(contact.pk)[0]
        row = PersonExport.objects.create(contact_id=root, by=by, reason=reason[:300], asked_at=clock.now())
        audit.record("contacts.exported", by=by, subject=f"contacts.contact:{root}", reason=reason, request=request)
        jobs.wake_on_commit(DRAIN)
    return row


def write(contact_id: int, target: Path, *, progress: Callable[[int, int], None] | None = None) -> ZipBox:
    """The whole export into one file. `progress` is told how many of how many parts are done."""
    whom = person(family_of(contact_id))
    having = [part for part in parts() if part.export]

    def fill(box: ZipBox) -> None:
        for number, part in enumerate(having):
            if part.export:
                part.export(whom, box)
            if progress:
                progress(number + 1, len(having))

    return write_zip(target, fill, {"contact": whom.contacts[0], "made_at": clock.now().isoformat(), "contacts": list(whom.contacts)})


@jobs.drain(DRAIN)
def make_next() -> int:
    """Make the oldest export that is asked for. A worker that dies at it is replaced when its lease is over, three times at most."""
    now = clock.now()
    free = PersonExport.objects.filter(Q(lease_until=None) | Q(lease_until__lte=now), state="waiting")
    row = free.order_by("id").first()
    if row is None or not free.filter(pk=row.pk).update(lease_until=now + LEASE, attempts=F("attempts") + 1):
        return 0
    if row.attempts >= MAX_ATTEMPTS:
        PersonExport.objects.filter(pk=row.pk).update(state="failed", last_error="broke off three times")
        return 1
    name = f"{secrets.token_urlsafe(24)}.zip"
    try:
        box = write(row.contact_id, folder() / name, progress=lambda done, of: _progress(row.pk, done, of))
    except Exception as error:
        PersonExport.objects.filter(pk=row.pk).update(lease_until=now + timedelta(seconds=30), last_error=trail(error)[:300])
        return 1
    ready = {"state": "ready", "ready_at": clock.now(), "file": name, "rows": sum(box.kinds.values()), "lease_until": None}
    expires = clock.now() + timedelta(days=settings.EXPORT_DAYS)
    if not PersonExport.objects.filter(pk=row.pk).update(**ready, expires_at=expires):
        # The person was erased meanwhile.
        (folder() / name).unlink(missing_ok=True)
    return 1


def _progress(pk: int, done: int, of: int) -> None:
    PersonExport.objects.filter(pk=pk).update(done=done, kinds=of, lease_until=clock.now() + LEASE)


def path_of(row: PersonExport) -> Path:
    return folder() / row.file


def remove_files(ids: Sequence[int]) -> None:
    for name in PersonExport.objects.filter(pk__in=ids).exclude(file="").values_list("file", flat=True):
        unlink(folder() / name)


@jobs.periodic("privacy.exports_end", every=3600)
def remove_old() -> None:
    """Files whose days are over, and what no row names: left by a worker that was killed."""
    over = PersonExport.objects.filter(state="ready", expires_at__lte=clock.now())
    for row in over:
        path_of(row).unlink(missing_ok=True)
        PersonExport.objects.filter(pk=row.pk).update(state="gone", file="")
    known = set(PersonExport.objects.exclude(file="").values_list("file", flat=True))
    oldest = clock.now().timestamp() - LEASE.total_seconds() * 2
    for path in folder().glob("*.zip*") if folder().is_dir() else ():
        if path.name not in known and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
