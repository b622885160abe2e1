"""Saved audiences."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Segment(models.Model):
    """A named condition over contacts, counted when looked at. The condition language is that of `scrm.contacts.conditions`."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    conditions = models.JSONField(_("conditions"), default=dict)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
