"""How the sync does, hour by hour: what the page of its health shows."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from scrm.connections.models import Connection


class SyncHour(models.Model):
    """The sums of one hour of one CRM. Written by every worker with one statement; `hour` is its beginning in UTC."""

    connection = models.ForeignKey(
        Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="sync_hours", db_index=False
    )
    hour = models.DateTimeField(_("hour"))
    written = models.PositiveIntegerField(_("written"), default=0)
    quick = models.PositiveIntegerField(_("within 3 s"), default=0)
    latency_ms = models.PositiveBigIntegerField(_("latency in all, ms"), default=0)
    read = models.PositiveIntegerField(_("taken over"), default=0)
    retried = models.PositiveIntegerField(_("tried again"), default=0)
    dead = models.PositiveIntegerField(_("dead letters"), default=0)
    calls = models.PositiveIntegerField(_("calls"), default=0)
    failed_calls = models.PositiveIntegerField(_("failed calls"), default=0)
    call_ms = models.PositiveBigIntegerField(_("calls in all, ms"), default=0)

    class Meta:
        verbose_name = _("hour of the sync")
        verbose_name_plural = _("hours of the sync")
        constraints = [models.UniqueConstraint(fields=["connection", "hour"], name="sync_hour_once")]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.hour:%Y-%m-%d %H}"
