"""Who is told about what by webhook, and each telling with its answer."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from scrm.core.fields import EncryptedJSONField


class Endpoint(models.Model):
    """A receiver. `secrets`: {"signing": [newest, older...], "header": value}. `failures` and `resume_at` are its breaker."""

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        PAUSED = "paused", _("Paused by a person")
        OFF = "off", _("Switched off by the receiver")

    label = models.CharField(_("label"), max_length=80)
    url = models.CharField(_("address"), max_length=1000, help_text=_("https:// and a public host; it answers with 2xx within 15 seconds."))
    events = models.JSONField(_("events"), default=list)
    secrets = EncryptedJSONField(_("secrets"), default=dict, blank=True)
    header_name = models.CharField(_("name of the secret's header"), max_length=60, blank=True, default="", db_default="")
    # The partner token that subscribed; ends with it. Tokens live in an app above this one, so only the number is kept.
    token_id = models.BigIntegerField(null=True, blank=True, db_index=True)
    owner = models.CharField(_("owner"), max_length=150, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.ACTIVE)
    state_reason = models.CharField(_("reason"), max_length=500, blank=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    resume_at = models.DateTimeField(_("tries again at"), null=True, blank=True)
    last_success_at = models.DateTimeField(_("last success"), null=True, blank=True)
    last_failure_at = models.DateTimeField(_("last failure"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("outgoing webhook")
        verbose_name_plural = _("outgoing webhooks")
        ordering = ["label", "id"]

    def __str__(self) -> str:
        return self.label


class Delivery(models.Model):
    """One message to one receiver. Its body is fixed when it is made, so that every try sends the same under the same id.

    `attempts` counts tries that were begun. `contact` is the person's number; a delivery outlives nobody, see `privacy`.
    """

    class State(models.TextChoices):
        DUE = "due", _("Due")
        DONE = "done", _("Taken")
        FAILED = "failed", _("Failed")
        DISCARDED = "discarded", _("Discarded")

    endpoint = models.ForeignKey(
        Endpoint, verbose_name=_("outgoing webhook"), on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    event = models.CharField(_("event"), max_length=40)
    contact = models.BigIntegerField(_("contact"), null=True, blank=True)
    version = models.BigIntegerField(_("version"), default=0)
    message_id = models.CharField(_("message id"), max_length=80)
    body = models.JSONField(_("what is sent"), default=dict)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.DUE)
    due_at = models.DateTimeField(_("due"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    status = models.PositiveSmallIntegerField(_("answer's status"), null=True, blank=True)
    answer = models.CharField(_("answer"), max_length=1000, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    milliseconds = models.PositiveIntegerField(_("milliseconds"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"))
    done_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        constraints = [models.UniqueConstraint(fields=["endpoint", "message_id"], name="hooks_delivery_once")]
        indexes = [
            models.Index(fields=["endpoint", "due_at", "id"], condition=Q(state="due"), name="hooks_delivery_due"),
            # To be sent at once: what a clock that is ahead wrote is found among these, however many wait for another try.
            models.Index(fields=["due_at"], condition=Q(state="due", due_at=F("created_at")), name="hooks_delivery_at_once"),
            models.Index(fields=["-id"], condition=Q(state="failed"), name="hooks_delivery_failed"),
            models.Index(fields=["contact"], name="hooks_delivery_contact"),
            models.Index(fields=["done_at"], name="hooks_delivery_done"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.message_id}"
