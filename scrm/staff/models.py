"""The people who work in the console, and their teams."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from scrm.core.zones import check_time_zone


class Team(models.Model):
    name = models.CharField(_("name"), max_length=80, unique=True)

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """An agent, supervisor or administrator. Language and time zone are each person's own."""

    display_name = models.CharField(_("display name"), max_length=80, blank=True, help_text=_("What customers and colleagues see."))
    language = models.CharField(_("language"), max_length=10, blank=True, help_text=_("Empty: as the browser asks."))
    time_zone = models.CharField(_("time zone"), max_length=40, blank=True, validators=[check_time_zone])
    teams = models.ManyToManyField(Team, verbose_name=_("teams"), blank=True, related_name="members")

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")

    def __str__(self) -> str:
        return self.display_name or self.get_full_name() or self.username
