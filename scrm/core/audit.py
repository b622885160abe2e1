"""The audit: `record` what a person did that others must be able to account for. Rows are only added, and chained day by day.

    audit.record("contacts.merged", by=request.user, subject=survivor, about=[duplicate], before={...}, after={...}, reason="…")

`record` writes in the caller's transaction and waits for nobody; right after the commit `seal` gives new entries their numbers and links
them into the day's chain. Keys come from SECRET_KEY, so that who can write to the database alone cannot forge a chain. What the chain
counts of texts and values is a salted digest, so that `erase_details` can empty them and the chain still holds.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.http import HttpRequest

from scrm.core import clock, jobs
from scrm.core.addresses import client_address
from scrm.core.audit_models import AuditDay, AuditDetail, AuditEntry, AuditMention

SEAL = "audit.seal"
SEALED_AT_ONCE = 500


def subject_name(subject: models.Model | str | None) -> str:
    """`contacts.contact:5` for a row; words stay as they are."""
    if subject is None:
        return ""
    return subject if isinstance(subject, str) else f"{subject._meta.label_lower}:{subject.pk}"


def record(
    action: str,
    *,
    by: Any,
    subject: models.Model | str | None = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    request: HttpRequest | None = None,
    about: Iterable[models.Model | str] = (),
) -> AuditEntry:
    """Add one entry in the caller's transaction: it stands or falls with what it tells of.

    `action`: "<area>.<done>", e.g. "contacts.merged". `by`: a user, a username, or e.g. "api:3". `subject`: the row concerned (or its
    `subject_name`); `about`: further people concerned, so that their export and their erasure find the entry. `before`, `after`, `reason`
    may hold personal data; `action`, `by` and `subject` may not name a customer.
    """
    body = {
        "before": _plain(before),
        "after": _plain(after),
        "reason": reason,
        "address": client_address(request),
        "request": str(request.META.get("HTTP_X_REQUEST_ID", ""))[:64] if request else "",
    }
    salt = secrets.token_hex(16)
    with transaction.atomic():
        entry = AuditEntry(at=clock.now(), action=action[:60], by=_who(by)[:150], subject=subject_name(subject)[:120])
        entry.detail_digest = detail_digest(salt, body)
        entry.digest = entry_digest(entry)
        entry.save(force_insert=True)
        AuditDetail.objects.create(entry=entry, salt=salt, body=body)
        mentions = {subject_name(each)[:120] for each in about} - {entry.subject, ""}
        AuditMention.objects.bulk_create([AuditMention(entry=entry, subject=name) for name in sorted(mentions)])
        transaction.on_commit(seal, robust=True)
    return entry


def _who(by: Any) -> str:
    if by is None:
        return ""
    return by if isinstance(by, str) else str(by.get_username())


def _plain(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """As it comes back from the database: what JSON does not know becomes text."""
    plain: dict[str, Any] = json.loads(json.dumps(values or {}, default=str, ensure_ascii=False))
    return plain


def _key(secret: str) -> bytes:
    return hashlib.sha256(b"scrm.audit\0" + secret.encode()).digest()


def seal_keys() -> list[bytes]:
    """The key in force, then those before it: a chain from before a change of SECRET_KEY can still be checked."""
    return [_key(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def _digest(*parts: str, key: bytes | None = None) -> str:
    text = json.dumps(parts, ensure_ascii=False)
    return hmac.new(key or seal_keys()[0], text.encode(), hashlib.sha256).hexdigest()


def detail_digest(salt: str, body: Any) -> str:
    """No key: without its salt, which goes with the detail, nothing can be guessed from it."""
    text = json.dumps([salt, body], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def entry_digest(entry: AuditEntry, key: bytes | None = None) -> str:
    """Times count in microseconds, the unit that both databases keep."""
    stamp = str(int(entry.at.timestamp()) * 1_000_000 + entry.at.microsecond)
    return _digest("entry", stamp, entry.action, entry.by, entry.subject, entry.detail_digest, key=key)


def link(before: str, entry: AuditEntry, number: int, key: bytes | None = None) -> str:
    return _digest("link", before, str(entry.pk), str(number), entry.digest, key=key)


@jobs.drain(SEAL)
def seal() -> int:
    """Number and chain the entries that are committed and not chained yet. Several at once wait for one another."""
    if not AuditEntry.objects.filter(number=None).exists():
        return 0
    with transaction.atomic():
        day = _today()
        waiting = list(AuditEntry.objects.filter(number=None).order_by("id")[:SEALED_AT_ONCE])
        for entry in waiting:
            number = day.entries + 1
            day.head = link(day.head or day.previous, entry, number)
            day.entries = number
            sealed: models.QuerySet[AuditEntry] = models.QuerySet(AuditEntry).filter(pk=entry.pk, number=None)
            sealed.update(day=day.day, number=number, chain=day.head)
        day.save(update_fields=["entries", "head"])
    return len(waiting)


def _today() -> AuditDay:
    """The last day of the chain, locked; a new one from the next date on. A clock set back goes on with the last day."""
    last = AuditDay.objects.select_for_update().order_by("-day").first()
    today = clock.now().date()
    if last is not None and last.day >= today:
        return last
    AuditDay.objects.get_or_create(day=today, defaults={"previous": (last.head or last.previous) if last else ""})
    return AuditDay.objects.select_for_update().order_by("-day")[0]


def entries_about(subjects: Iterable[str]) -> models.QuerySet[AuditEntry]:
    """All entries that concern any of these, as their subject or by mention; by id."""
    names = list(subjects)
    mentioned = AuditMention.objects.filter(subject__in=names).values("entry")
    return AuditEntry.objects.filter(models.Q(subject__in=names) | models.Q(pk__in=mentioned)).order_by("id")


def erase_details(subjects: Iterable[str], *, recorded_as: AuditEntry) -> int:
    """Empty what entries about these say in words and values, on the strength of an entry that records the erasure."""
    wanted = entries_about(subjects).exclude(pk=recorded_as.pk).values("pk")
    open_ = AuditDetail.objects.filter(entry__in=wanted, erased_for=None)
    return open_.update(body=None, salt="", erased_for=recorded_as)
