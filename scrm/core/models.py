"""Rows behind jobs: who is alive, who drains what."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from scrm.core.audit_models import AuditDay as AuditDay
from scrm.core.audit_models import AuditDetail as AuditDetail
from scrm.core.audit_models import AuditEntry as AuditEntry
from scrm.core.audit_models import AuditMention as AuditMention
from scrm.core.backup_models import BackupRun as BackupRun


class Heartbeat(models.Model):
    """One row a worker cluster, touched by every job that runs in it. The watchdog reads its age."""

    cluster = models.CharField(max_length=100, primary_key=True)
    beaten_at = models.DateTimeField()
    last_job = models.CharField(max_length=60, blank=True)

    class Meta:
        db_table = "core_heartbeat"
        verbose_name = _("worker")
        verbose_name_plural = _("workers")

    def __str__(self) -> str:
        return f"{self.cluster} {self.beaten_at:%H:%M:%S}"


class DrainSlot(models.Model):
    """A permit to drain one kind of work. Taken by a conditional update, lost when its lease runs out."""

    name = models.CharField(max_length=60)
    slot = models.PositiveSmallIntegerField()
    lease_until = models.DateTimeField()
    holder = models.CharField(max_length=100, blank=True)

    class Meta:
        db_table = "core_drain_slot"
        constraints = [models.UniqueConstraint(fields=["name", "slot"], name="core_drain_slot_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.slot}"


class Timetable(models.Model):
    """When a periodic job last started. The first host to move `last_slot` on runs it; missed slots collapse into one run."""

    name = models.CharField(max_length=60, primary_key=True)
    last_slot = models.BigIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        db_table = "core_timetable"
        verbose_name = _("periodic job")
        verbose_name_plural = _("periodic jobs")

    def __str__(self) -> str:
        return self.name
