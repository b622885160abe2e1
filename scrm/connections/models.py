"""A link to one account outside: a WhatsApp number, a HubSpot portal. Its credentials are encrypted, its state is on record."""

from __future__ import annotations

from typing import Any

from django.conf import settings as product
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from scrm.core.fields import EncryptedJSONField
from scrm.core.zones import check_time_zone


class Connection(models.Model):
    class Kind(models.TextChoices):
        CHANNEL = "channel", _("Channel")
        CRM = "crm", _("CRM")
        GEOCODER = "geocoder", _("Geocoder")

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        PAUSED = "paused", _("Paused by a person")
        WAITING = "waiting", _("Waiting, the platform asked for patience")
        NEEDS_LOGIN = "needs_login", _("Needs new credentials")
        MISCONFIGURED = "misconfigured", _("A setting is wrong")

    class Tier(models.TextChoices):
        STANDARD = "standard", _("Standard account")
        ENTERPRISE = "enterprise", _("Enterprise account")

    class Endpoint(models.TextChoices):
        PRIMARY = "primary", _("primary")
        STANDBY = "standby", _("standby")

    class Weekday(models.IntegerChoices):
        MONDAY = 0, _("Monday")
        TUESDAY = 1, _("Tuesday")
        WEDNESDAY = 2, _("Wednesday")
        THURSDAY = 3, _("Thursday")
        FRIDAY = 4, _("Friday")
        SATURDAY = 5, _("Saturday")
        SUNDAY = 6, _("Sunday")

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
    # Which of the two sets of addresses is in use, see endpoints.py.
    endpoint = models.CharField(_("endpoint"), max_length=10, choices=Endpoint.choices, default=Endpoint.PRIMARY, db_default="primary")
    endpoint_since = models.DateTimeField(_("endpoint since"), null=True, blank=True)
    # When probes.py looks at the endpoint in use, and, while that is the standby, at the primary one.
    next_probe_at = models.DateTimeField(_("looked at next"), null=True, blank=True)
    next_primary_probe_at = models.DateTimeField(null=True, blank=True)
    portfolio = models.CharField(
        _("business portfolio"),
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text=_("The numbers of one portfolio share its messaging limit. Empty: the number stands alone."),
    )
    credentials_changed_at = models.DateTimeField(_("credentials changed"), null=True, blank=True)
    credentials_expire_at = models.DateTimeField(_("credentials expire"), null=True, blank=True)
    warm_up_from = models.DateField(
        _("warm-up since"), null=True, blank=True, help_text=_("A new number begins with few new people a day and grows with its quality.")
    )
    owner = models.ForeignKey(
        product.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text=_("Who answers for this account: its credentials, its limits and its bill."),
    )
    promotion_weekday = models.PositiveSmallIntegerField(
        _("promotions on"), choices=Weekday.choices, null=True, blank=True, help_text=_("Empty: Wednesday.")
    )
    promotion_from = models.TimeField(_("promotions from"), null=True, blank=True, help_text=_("Local time. Empty: 14:00."))
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        ordering = ["label"]

    def __str__(self) -> str:
        return self.label

    @classmethod
    def countries(cls) -> list[str]:
        """Where the business has accounts, as two letters each: a number without country code is likely of one of these."""
        return sorted({country for country in cls.objects.values_list("country", flat=True) if country})

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


class KeptToken(models.Model):
    """The short-lived access token of a connection's endpoint, with the refresh token that followed it; see tokens.py.

    `lease_until` and `holder`: who fetches a new one right now. `failures` counts refused or failed fetches, `refusal` is the last one's
    reason; `needs_login` says whether only a person can end it.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+", db_index=False)
    endpoint = models.CharField(max_length=10, choices=Connection.Endpoint.choices)
    token = EncryptedJSONField(default=dict, blank=True)
    version = models.PositiveBigIntegerField(default=0)
    holder = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)
    failures = models.PositiveBigIntegerField(default=0)
    refusal = models.CharField(max_length=500, blank=True)
    needs_login = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("kept token")
        verbose_name_plural = _("kept tokens")
        constraints = [models.UniqueConstraint(fields=["connection", "endpoint"], name="connections_one_token")]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.endpoint}"


class Probe(models.Model):
    """One look at a connection's API: did it answer, and how fast. Kept for 30 days."""

    connection = models.ForeignKey(
        Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="probes", db_index=False
    )
    endpoint = models.CharField(_("endpoint"), max_length=10, choices=Connection.Endpoint.choices)
    at = models.DateTimeField(_("time"))
    ok = models.BooleanField(_("answered well"))
    milliseconds = models.PositiveIntegerField(_("milliseconds"))
    detail = models.CharField(_("details"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("probe")
        verbose_name_plural = _("probes")
        indexes = [models.Index(fields=["connection", "-at"], name="connections_probes")]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.at:%Y-%m-%d %H:%M} {self.milliseconds} ms"


class ConnectionChange(models.Model):
    """What happened to a connection: a switch of endpoint, a pause, a change of quality, tier or speed. Rows are only added."""

    class Kind(models.TextChoices):
        STATE = "state", _("State")
        ENDPOINT = "endpoint", _("Endpoint")
        QUALITY = "quality", _("Quality")
        TIER = "tier", _("Messaging limit")
        SPEED = "speed", _("Sending speed")
        CREDENTIALS = "credentials", _("Credentials")
        ACCOUNT = "account", _("Account")

    connection = models.ForeignKey(
        Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="changes", db_index=False
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    before = models.CharField(_("before"), max_length=100, blank=True)
    after = models.CharField(_("after"), max_length=100, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("change of a connection")
        verbose_name_plural = _("changes of connections")
        indexes = [models.Index(fields=["connection", "-at"], name="connections_changes")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.before} → {self.after}"


class Alert(models.Model):
    """Something that a person must know or do. One open row for each (key); it closes when the cause is gone."""

    class Level(models.TextChoices):
        WARNING = "warning", _("Warning")
        ERROR = "error", _("Error")

    key = models.CharField(max_length=120, help_text=_("What it is about, e.g. login:taipei-shop."))
    level = models.CharField(_("level"), max_length=8, choices=Level.choices)
    connection = models.ForeignKey(
        Connection, verbose_name=_("connection"), null=True, blank=True, on_delete=models.CASCADE, related_name="alerts", db_index=False
    )
    text = models.CharField(_("what happened"), max_length=500)
    advice = models.CharField(_("what to do"), max_length=500, blank=True)
    raised_at = models.DateTimeField(_("raised"))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    times = models.PositiveIntegerField(_("times"), default=1)
    # What the mail drain has done, see alert_mails.py.
    mail_attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    mail_due_at = models.DateTimeField(null=True, blank=True)
    opening_told_at = models.DateTimeField(null=True, blank=True)
    closing_told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        constraints = [models.UniqueConstraint(fields=["key"], condition=models.Q(closed_at=None), name="connections_alert_open_once")]
        indexes = [models.Index(fields=["-raised_at"], name="connections_alerts")]

    def __str__(self) -> str:
        return self.text
