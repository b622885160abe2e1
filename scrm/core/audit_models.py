"""Who did what to whom, in a form that shows whether anybody changed it since.

`AuditEntry` is never changed and holds no text that a person might want erased; `AuditDetail` holds that text, and may be emptied
without breaking the chain, because the chain counts a salted digest of it.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class NeverChanged(Exception):
    """An audit row is only added."""


class AuditRows(models.QuerySet["AuditEntry"]):
    def update(self, **kwargs: Any) -> int:
        raise NeverChanged("audit entries are not changed")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise NeverChanged("audit entries are not deleted")


class AuditEntry(models.Model):
    """One act. `number` and `chain` are empty for the moment between its transaction and the sealing that follows it."""

    at = models.DateTimeField(_("time"))
    action = models.CharField(_("action"), max_length=60)
    by = models.CharField(_("by"), max_length=150, blank=True)
    subject = models.CharField(_("about"), max_length=120, blank=True)
    detail_digest = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    day = models.DateField(_("day of the chain"), null=True)
    number = models.PositiveIntegerField(_("number of the day"), null=True)
    chain = models.CharField(_("chain"), max_length=64, blank=True)

    objects = AuditRows.as_manager()

    class Meta:
        db_table = "core_audit_entry"
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        constraints = [models.UniqueConstraint(fields=["day", "number"], name="core_audit_number_once")]
        indexes = [
            models.Index(fields=["subject", "-id"], name="core_audit_by_subject"),
            models.Index(fields=["action", "-id"], name="core_audit_by_action"),
            models.Index(fields=["id"], condition=Q(number=None), name="core_audit_unsealed"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.action} {self.subject}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise NeverChanged("audit entries are not changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise NeverChanged("audit entries are not deleted")


class AuditDetail(models.Model):
    """What an entry says in words and values. Emptied when a person in it is erased; `erased_for` names the entry of that erasure."""

    entry = models.OneToOneField(AuditEntry, on_delete=models.PROTECT, primary_key=True, related_name="detail")
    salt = models.CharField(max_length=32, blank=True)
    body = models.JSONField(null=True)
    erased_for = models.ForeignKey(AuditEntry, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        db_table = "core_audit_detail"
        verbose_name = _("audit detail")
        verbose_name_plural = _("audit details")

    def __str__(self) -> str:
        return str(self.entry_id)


class AuditMention(models.Model):
    """Whom an entry concerns besides its subject: how all entries about a person are found."""

    entry = models.ForeignKey(AuditEntry, on_delete=models.PROTECT, related_name="mentions")
    subject = models.CharField(max_length=120)

    class Meta:
        db_table = "core_audit_mention"
        verbose_name = _("audit mention")
        verbose_name_plural = _("audit mentions")
        indexes = [models.Index(fields=["subject"], name="core_audit_mentions")]

    def __str__(self) -> str:
        return f"{self.entry_id} {self.subject}"


class AuditDay(models.Model):
    """The end of a day's chain. `previous` is the end of the day before, so that no day can be left out."""

    day = models.DateField(primary_key=True)
    previous = models.CharField(max_length=64, blank=True)
    entries = models.PositiveIntegerField(default=0)
    head = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "core_audit_day"
        verbose_name = _("day of the audit")
        verbose_name_plural = _("days of the audit")

    def __str__(self) -> str:
        return f"{self.day} {self.entries}"
