"""Opening hours and shifts."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from scrm.core.zones import check_time_zone
from scrm.staff import hours

COUNTRY_NAMES = [("HK", _("Hong Kong")), ("TW", _("Taiwan")), ("JP", _("Japan")), ("SG", _("Singapore")), ("MO", _("Macao"))]


class BusinessHours(models.Model):
    """When a team answers. Each weekday as text, such as `09:00-12:30, 14:00-18:00`; empty is closed."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    time_zone = models.CharField(_("time zone"), max_length=40, validators=[check_time_zone], default="Asia/Hong_Kong")
    country = models.CharField(
        _("public holidays of"), max_length=2, choices=COUNTRY_NAMES, blank=True, help_text=_("Closed on these days. Empty: none.")
    )
    mon = models.CharField(
        _("Monday"), max_length=100, blank=True, default="09:00-18:00", help_text=_("For example 09:00-12:30, 14:00-18:00")
    )
    tue = models.CharField(_("Tuesday"), max_length=100, blank=True, default="09:00-18:00")
    wed = models.CharField(_("Wednesday"), max_length=100, blank=True, default="09:00-18:00")
    thu = models.CharField(_("Thursday"), max_length=100, blank=True, default="09:00-18:00")
    fri = models.CharField(_("Friday"), max_length=100, blank=True, default="09:00-18:00")
    sat = models.CharField(_("Saturday"), max_length=100, blank=True)
    sun = models.CharField(_("Sunday"), max_length=100, blank=True)
    days = models.TextField(
        _("single days"),
        blank=True,
        help_text=_("One a line: 2026-12-31 09:00-15:00, or 2027-01-02 - for closed. They go before weekdays and holidays."),
    )

    class Meta:
        verbose_name = _("business hours")
        verbose_name_plural = _("business hours")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        problems: dict[str, Any] = {}
        for name in (*hours.WEEKDAYS, "days"):
            try:
                (hours.read_days if name == "days" else hours.read_spans)(getattr(self, name))
            except hours.BadHours as error:
                problems[name] = str(error)
        if problems:
            raise ValidationError(problems)

    def as_hours(self) -> hours.Hours:
        """What was saved without the form's check and cannot be read counts as closed."""
        return hours.Hours(
            self.time_zone,
            {place: _read(getattr(self, name)) for place, name in enumerate(hours.WEEKDAYS)},
            _read_days(self.days),
            self.country,
        )


def _read(text: str) -> hours.Spans:
    try:
        return hours.read_spans(text)
    except hours.BadHours:
        return ()


def _read_days(text: str) -> dict[Any, hours.Spans]:
    try:
        return hours.read_days(text)
    except hours.BadHours:
        return {}


class Shift(models.Model):
    """A person's working time. Who has shifts gets new conversations during them only."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("person"), on_delete=models.CASCADE, related_name="shifts", db_index=False
    )
    starts_at = models.DateTimeField(_("begins"))
    ends_at = models.DateTimeField(_("ends"))

    class Meta:
        verbose_name = _("shift")
        verbose_name_plural = _("shifts")
        ordering = ["-starts_at", "user"]
        constraints = [
            models.CheckConstraint(condition=models.Q(ends_at__gt=models.F("starts_at")), name="staff_shift_forward"),
            models.UniqueConstraint(fields=["user", "starts_at"], name="staff_shift_once"),
        ]
        indexes = [models.Index(fields=["user", "ends_at"], name="staff_shifts")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.starts_at:%Y-%m-%d %H:%M}"
