"""What was compared with the CRMs to see whether both sides agree, and what people found on the key fields."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from scrm.connections.models import Connection
from scrm.sync.kinds import Kind


class Verification(models.Model):
    """One comparison of both sides: a random sample of a day, or all records."""

    class Scope(models.TextChoices):
        SAMPLE = "sample", _("random sample")
        FULL = "full", _("all records")

    connection = models.ForeignKey(
        Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="verifications", db_index=False
    )
    kind = models.CharField(_("object"), max_length=20, choices=Kind.choices)
    scope = models.CharField(_("scope"), max_length=6, choices=Scope.choices, default=Scope.SAMPLE)
    at = models.DateTimeField(_("time"))
    checked = models.PositiveIntegerField(
        _("compared"), help_text=_("Records of which both sides were fetched and nothing was on its way.")
    )
    agreed = models.PositiveIntegerField(_("in step"))
    drifted = models.PositiveIntegerField(_("differ"))
    missing = models.PositiveIntegerField(_("missing there"))
    pending = models.PositiveIntegerField(
        _("on their way"), help_text=_("Waiting to be written, read or decided; neither right nor wrong.")
    )
    unknown = models.PositiveIntegerField(_("unknown here"), default=0)
    repaired = models.PositiveIntegerField(_("put right"), default=0)
    lower = models.FloatField(
        _("at least"), help_text=_("Lower bound of the share that is in step, with a confidence of 95 percent (Wilson).")
    )
    upper = models.FloatField(_("at most"))
    seconds = models.FloatField(_("seconds"), default=0)

    class Meta:
        verbose_name = _("comparison with a CRM")
        verbose_name_plural = _("comparisons with CRMs")
        indexes = [models.Index(fields=["connection", "kind", "-at"], name="sync_verifications")]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.kind} {self.at:%Y-%m-%d}"

    @property
    def accuracy(self) -> float | None:
        """The share of compared records that are in step."""
        return self.agreed / self.checked if self.checked else None


class VerifiedRecord(models.Model):
    """One record of a sample, for a person who confirms its key fields, or one that differs."""

    class State(models.TextChoices):
        AGREED = "agreed", _("in step")
        DRIFTED = "drifted", _("differs")
        MISSING = "missing", _("missing there")
        PENDING = "pending", _("on its way")

    class Answer(models.TextChoices):
        OPEN = "", pgettext_lazy("confirmation", "Not looked at")
        RIGHT = "right", _("Confirmed")
        WRONG = "wrong", _("Wrong")

    verification = models.ForeignKey(Verification, verbose_name=_("comparison"), on_delete=models.CASCADE, related_name="records")
    key = models.CharField(_("our key"), max_length=80)
    external_id = models.CharField(_("their id"), max_length=100)
    state = models.CharField(_("state"), max_length=8, choices=State.choices)
    # [{"field", "source", "ours", "theirs"}] of the fields that differ; "copy": true where only the copy here of a deal or case does.
    differences = models.JSONField(_("differences"), default=list)
    # {"field": value} of amounts and dates, as both sides hold them, for the person who confirms.
    key_fields = models.JSONField(_("key fields"), default=dict)
    answer = models.CharField(_("confirmation"), max_length=5, choices=Answer.choices, blank=True, default="")
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("confirmed by"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    answered_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("compared record")
        verbose_name_plural = _("compared records")
        indexes = [models.Index(fields=["verification", "id"], condition=Q(state="drifted"), name="sync_verified_drift")]

    def __str__(self) -> str:
        return f"{self.key} {self.external_id}"
