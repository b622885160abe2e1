"""What became of each mapped field in a week."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from scrm.connections.models import Connection
from scrm.sync.kinds import Kind


class MappedField(models.Model):
    """One field of the weekly mapping report of one CRM. `week` is its Monday where the account lives.

    `rows`: {"empty" | "refused" | "differing": our keys of the first records that were counted so}.
    """

    connection = models.ForeignKey(
        Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="mapped_fields", db_index=False
    )
    kind = models.CharField(_("object"), max_length=20, choices=Kind.choices)
    week = models.DateField(_("week"))
    source = models.CharField(_("our field"), max_length=60)
    target = models.CharField(_("their field"), max_length=100)
    at = models.DateTimeField(_("time"))
    records = models.PositiveIntegerField(_("records"))
    filled = models.PositiveIntegerField(_("filled"))
    empty = models.PositiveIntegerField(_("empty"))
    refused = models.PositiveIntegerField(_("refused"))
    differing = models.PositiveIntegerField(_("differing"))
    rows = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("field of a mapping report")
        verbose_name_plural = _("fields of mapping reports")
        constraints = [models.UniqueConstraint(fields=["connection", "week", "kind", "target"], name="sync_mapped_once")]

    def __str__(self) -> str:
        return f"{self.week} {self.kind} {self.source} → {self.target}"

    @property
    def error_rate(self) -> float | None:
        """Refused or differing, of the records that have a value; None without any."""
        counted = self.filled + self.refused
        return (self.refused + self.differing) / counted if counted else None
