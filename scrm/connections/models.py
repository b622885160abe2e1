"""A link to one account outside: a WhatsApp number, a HubSpot portal. Its credentials are encrypted, its state is on record."""

from __future__ import annotations

from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from scrm.core.fields import EncryptedJSONField
from scrm.core.zones import check_time_zone


class Connection(models.Model):
    class Kind(models.TextChoices):
        CHANNEL = "channel", _("Channel")
        CRM = "crm", _("CRM")

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        PAUSED = "paused", _("Paused by a person")
        WAITING = "waiting", _("Waiting, the platform asked for patience")
        NEEDS_LOGIN = "needs_login", _("Needs new credentials")
        MISCONFIGURED = "misconfigured", _("A setting is wrong")

    class Tier(models.TextChoices):
        STANDARD = "standard", _("Standard account")
        ENTERPRISE = "enterprise", _("Enterprise account")

    slug = models.SlugField(
        _("slug"), unique=True, help_text=_("Part of the webhook's address; do not change it once the platform knows it.")
    )
    label = models.CharField(_("label"), max_length=80)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    adapter = models.CharField(_("adapter"), max_length=40)
    address = models.CharField(_("own address"), max_length=80, blank=True, help_text=_("The number or account that customers see."))
    account_id = models.CharField(
        _("account id"),
        max_length=100,
        blank=True,
        db_index=True,
        help_text=_("The platform's id of this number; webhooks are routed by it."),
    )
    settings = models.JSONField(_("settings"), default=dict, blank=True)
    secrets = EncryptedJSONField(_("secrets"), default=dict, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True, help_text=_("Region for numbers without a country code, e.g. HK."))
    language = models.CharField(_("language"), max_length=10, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=40, default="Asia/Hong_Kong", validators=[check_time_zone])
    tier = models.CharField(_("account tier"), max_length=12, choices=Tier.choices, default=Tier.STANDARD)
    daily_cap = models.PositiveIntegerField(_("messages a day"), null=True, blank=True, help_text=_("Empty: the tier's own cap."))
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_to = models.TimeField(_("quiet to"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=14, choices=State.choices, default=State.ACTIVE)
    state_reason = models.CharField(_("reason"), max_length=500, blank=True)
    state_changed_at = models.DateTimeField(_("state since"), null=True, blank=True)
    facts = models.JSONField(_("what the platform says"), default=dict, blank=True)
    # The breaker: shared by all workers because it is a row, see breaker.py.
    failures = models.PositiveIntegerField(default=0)
    resume_at = models.DateTimeField(_("tries again at"), null=True, blank=True)
    probe_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        ordering = ["label"]

    def __str__(self) -> str:
        return self.label

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        self._forget_snapshot()

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        gone = super().delete(*args, **kwargs)
        self._forget_snapshot()
        return gone

    def _forget_snapshot(self) -> None:
        """Once at once, once when it is safe: a request in between may have read the old row again."""
        from scrm.connections.snapshots import forget

        forget(self.slug)
        transaction.on_commit(lambda: forget(self.slug))
