"""Erasures, what is kept of an erased person, legal holds, and exports."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Erasure(models.Model):
    """One person's erasure. Holds no personal data: numbers of rows that are gone, and digests in `ErasedAddress`.

    The same is written to the erasure ledger, a file outside the database, so that it can be repeated after a restore.
    """

    class State(models.TextChoices):
        HELD = "held", pgettext_lazy("erasure", "Waiting for a legal hold to end")
        RUNNING = "running", pgettext_lazy("erasure", "Under way")
        DONE = "done", pgettext_lazy("erasure", "Done")

    code = models.CharField(max_length=32, unique=True)
    contact_id = models.BigIntegerField(_("contact"))
    # Of every contact of the person: [[id, digest of id and creation], ...]; the digest tells a restored row from another's.
    people = models.JSONField(default=list)
    state = models.CharField(_("state"), max_length=8, choices=State.choices)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    by = models.CharField(_("by"), max_length=150, blank=True)
    asked_at = models.DateTimeField(_("asked for"))
    started_at = models.DateTimeField(_("started"), null=True)
    done_at = models.DateTimeField(_("done"), null=True)
    step = models.CharField(_("at"), max_length=60, blank=True)
    counts = models.JSONField(_("erased"), default=dict)
    # What the ledger says as well: digest of an address -> [opted out, declined promotions].
    digests = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        constraints = [models.UniqueConstraint(fields=["contact_id"], condition=~Q(state="done"), name="contacts_erasure_open_once")]
        indexes = [models.Index(fields=["id"], condition=Q(state="running"), name="contacts_erasures_running")]

    def __str__(self) -> str:
        return f"{self.contact_id} {self.state}"


class ErasedAddress(models.Model):
    """A keyed hash of an address (or of a record in a CRM) whose owner was erased at `erased_at`, and what they had declined."""

    digest = models.CharField(max_length=64, unique=True)
    erased_at = models.DateTimeField()
    opted_out = models.BooleanField(default=False)
    promotions_declined = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("erased address")
        verbose_name_plural = _("erased addresses")

    def __str__(self) -> str:
        return self.digest[:12]


class LegalHold(models.Model):
    """While it stands, nothing of the person is erased or expires."""

    contact = models.ForeignKey("contacts.Contact", verbose_name=_("contact"), on_delete=models.CASCADE, related_name="legal_holds")
    reason = models.CharField(_("reason"), max_length=300)
    set_by = models.CharField(_("set by"), max_length=150)
    set_at = models.DateTimeField(_("set"))
    lifted_by = models.CharField(_("lifted by"), max_length=150, blank=True)
    lifted_at = models.DateTimeField(_("lifted"), null=True)

    class Meta:
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")
        constraints = [models.UniqueConstraint(fields=["contact"], condition=Q(lifted_at=None), name="contacts_hold_once")]

    def __str__(self) -> str:
        return f"{self.contact_id} {self.set_at:%Y-%m-%d}"


class PersonExport(models.Model):
    """Everything about one person in one file, made in the background, removed after some days."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("export", "Waiting")
        READY = "ready", pgettext_lazy("export", "Ready")
        FAILED = "failed", pgettext_lazy("export", "Failed")
        GONE = "gone", pgettext_lazy("export", "Removed")

    contact = models.ForeignKey("contacts.Contact", verbose_name=_("contact"), on_delete=models.CASCADE, related_name="exports")
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WAITING)
    reason = models.CharField(_("reason"), max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, verbose_name=_("by"), null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField(_("asked for"))
    ready_at = models.DateTimeField(_("ready"), null=True)
    expires_at = models.DateTimeField(_("removed on"), null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    done = models.PositiveIntegerField(_("kinds done"), default=0)
    kinds = models.PositiveIntegerField(_("kinds"), default=0)
    rows = models.PositiveIntegerField(_("rows"), default=0)
    # Below settings.EXPORTS_DIR, an unguessable name; empty until ready and after removal.
    file = models.CharField(max_length=80, blank=True)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = _("export of a person")
        verbose_name_plural = _("exports of people")
        permissions = [
            ("export_person", "Can export everything about a person"),
            ("erase_person", "Can erase a person everywhere"),
            ("hold_person", "Can set and lift legal holds"),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(state="waiting"), name="contacts_exports_waiting")]

    def __str__(self) -> str:
        return f"{self.contact_id} {self.state}"
