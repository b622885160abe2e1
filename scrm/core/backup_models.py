"""What became of each backup: shown in the console, asked by the alert."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class BackupRun(models.Model):
    """One run. Not part of any backup. A run whose process is gone, or which was silent for long, has died; the next one says so."""

    class State(models.TextChoices):
        RUNNING = "running", pgettext_lazy("backup", "Under way")
        DONE = "done", pgettext_lazy("backup", "Done")
        FAILED = "failed", pgettext_lazy("backup", "Failed")

    manifest = models.CharField(_("manifest"), max_length=120, blank=True)
    place = models.CharField(_("place"), max_length=300)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.RUNNING)
    # host:process
    holder = models.CharField(max_length=300, blank=True)
    started_at = models.DateTimeField(_("started"))
    touched_at = models.DateTimeField()
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    verified_at = models.DateTimeField(_("verified"), null=True, blank=True)
    rows = models.PositiveBigIntegerField(_("rows"), default=0)
    files = models.PositiveBigIntegerField(_("files"), default=0)
    # Segments are ranges of rows and parts of files. Bytes: as they lie at the place, encrypted.
    segments = models.PositiveIntegerField(_("segments"), default=0)
    segments_sent = models.PositiveIntegerField(_("segments sent"), default=0)
    bytes = models.PositiveBigIntegerField(_("size"), default=0)
    bytes_sent = models.PositiveBigIntegerField(_("sent"), default=0)
    # Read back and found whole: all that this run has sent, or found of a run that died.
    verified = models.PositiveIntegerField(_("segments read back"), default=0)
    # Of earlier backups, damaged or lost at the place; what is still in use of them was sent anew.
    damaged = models.PositiveIntegerField(_("damaged segments"), default=0)
    error = models.CharField(_("error"), max_length=500, blank=True)

    class Meta:
        db_table = "core_backup_run"
        verbose_name = _("backup")
        verbose_name_plural = _("backups")
        indexes = [models.Index(fields=["-started_at"], name="core_backups_newest")]
        constraints = [models.UniqueConstraint(fields=["state"], condition=Q(state="running"), name="core_backup_running_once")]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M} {self.get_state_display()}"
