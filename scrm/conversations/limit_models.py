"""What holds sending back whoever counts: rows that are locked, one for each number, business day or portfolio."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from scrm.connections.models import Connection


class Quota(models.Model):
    """Messages of one connection on one business day. The check makes going over the cap impossible, whoever counts."""

    connection = models.ForeignKey(Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="quotas")
    day = models.DateField()
    used = models.PositiveIntegerField(default=0)
    cap = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("daily quota")
        verbose_name_plural = _("daily quotas")
        constraints = [
            models.UniqueConstraint(fields=["connection", "day"], name="conversations_quota_once"),
            models.CheckConstraint(condition=Q(used__lte=F("cap")), name="conversations_quota_kept"),
        ]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.day} {self.used}/{self.cap}"


class Reach(models.Model):
    """How many people were spoken to first within a moving day: one row for each portfolio and each number that is warmed up.

    `buckets` holds counts by the tenth of an hour in which they were taken; the sum of the last 24 hours is held below `cap`
    by whoever takes the row's lock. -1 as cap: unlimited.
    """

    key = models.CharField(max_length=120, unique=True)
    buckets = models.JSONField(default=dict)
    cap = models.IntegerField(default=-1)
    changed_at = models.DateTimeField()

    class Meta:
        verbose_name = _("messaging limit")
        verbose_name_plural = _("messaging limits")

    def __str__(self) -> str:
        return f"{self.key}: {self.cap}"


class Pace(models.Model):
    """How fast a number may send now, shared by all workers: a token bucket as a row, steered by the governor."""

    connection = models.OneToOneField(Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="pace")
    per_second = models.FloatField(_("messages a second"))
    promotions = models.BooleanField(_("promotions go out"), default=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    tokens = models.FloatField(default=0)
    refilled_at = models.DateTimeField()
    changed_at = models.DateTimeField(_("since"))
    looked_at = models.DateTimeField(_("last look"))
    # The platform asked to stop what is sent in bulk.
    promotions_wait_until = models.DateTimeField(_("promotions wait until"), null=True, blank=True)

    class Meta:
        verbose_name = _("sending speed")
        verbose_name_plural = _("sending speeds")

    def __str__(self) -> str:
        return f"{self.per_second:g}/s"
