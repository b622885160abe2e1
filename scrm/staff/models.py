"""The people who work in the console, and their teams."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from scrm.connections.models import Connection
from scrm.core.zones import check_time_zone
from scrm.staff.rota_models import BusinessHours as BusinessHours
from scrm.staff.rota_models import Shift as Shift
from scrm.staff.security_models import Guessing as Guessing
from scrm.staff.security_models import RecoveryCode as RecoveryCode
from scrm.staff.security_models import SecondFactor as SecondFactor


def no_words() -> list[str]:
    return []


class Team(models.Model):
    """People who answer together, what they are there for, and how soon they answer."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    takes_new = models.BooleanField(
        _("gets new conversations"),
        default=False,
        db_default=False,
        help_text=_("Waiting conversations are given to its members by themselves: by language, skill and load, in turn."),
    )
    hours = models.ForeignKey(
        BusinessHours, verbose_name=_("business hours"), null=True, blank=True, on_delete=models.SET_NULL, related_name="teams"
    )
    numbers = models.ManyToManyField(
        Connection,
        verbose_name=_("numbers"),
        blank=True,
        related_name="teams",
        help_text=_("None chosen: all."),
        limit_choices_to={"kind": "channel"},
    )
    languages = models.JSONField(_("languages"), default=no_words, blank=True)
    skills = models.JSONField(_("tags that it is there for"), default=no_words, blank=True)
    first_response_minutes = models.PositiveSmallIntegerField(
        _("minutes to answer"), null=True, blank=True, help_text=_("Within business hours. Empty: the general target.")
    )
    resolution_hours = models.PositiveSmallIntegerField(
        _("hours to resolve"),
        null=True,
        blank=True,
        help_text=_("Within business hours, from the opening of the conversation. Empty: no target."),
    )

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """An agent, supervisor or administrator. Language and time zone are each person's own."""

    class Presence(models.TextChoices):
        ONLINE = "online", _("here")
        AWAY = "away", _("away")

    display_name = models.CharField(_("display name"), max_length=80, blank=True, help_text=_("What customers and colleagues see."))
    language = models.CharField(_("language"), max_length=10, blank=True, help_text=_("Empty: as the browser asks."))
    time_zone = models.CharField(_("time zone"), max_length=40, blank=True, validators=[check_time_zone])
    teams = models.ManyToManyField(Team, verbose_name=_("teams"), blank=True, related_name="members")
    # What the assignment goes by.
    presence = models.CharField(_("presence"), max_length=6, choices=Presence.choices, default=Presence.ONLINE, db_default="online")
    seen_at = models.DateTimeField(_("last seen in the inbox"), null=True, blank=True)
    capacity = models.PositiveSmallIntegerField(
        _("conversations at a time"), default=20, db_default=20, help_text=_("No more are given to this person by themselves.")
    )
    languages = models.JSONField(_("languages"), default=no_words, blank=True)
    skills = models.JSONField(_("skills (tags)"), default=no_words, blank=True)
    # Part of what every session is compared with: a new number ends all that there are.
    session_epoch = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    last_assigned_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        permissions = [("see_all", "Can see all customers, whatever their team or channel")]

    def __str__(self) -> str:
        return self.display_name or self.get_full_name() or self.username

    def get_session_auth_hash(self) -> str:
        return self._session_hash()

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        yield from map(self._session_hash, settings.SECRET_KEY_FALLBACKS)

    def _session_hash(self, secret: str | None = None) -> str:
        """As Django's, of the password; and of `session_epoch`."""
        return salted_hmac("scrm.staff.session", f"{self.session_epoch}\0{self.password}", secret=secret, algorithm="sha256").hexdigest()

    def end_sessions(self) -> None:
        """Everybody who is logged in as this person has to log in again."""
        end_sessions_of([self.pk])
        self.refresh_from_db(fields=["session_epoch"])


def end_sessions_of(users: Collection[int]) -> None:
    User.objects.filter(pk__in=users).update(session_epoch=models.F("session_epoch") + 1)
