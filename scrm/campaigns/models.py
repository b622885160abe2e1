"""Saved audiences, and what is sent to them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from scrm.campaigns.campaign_models import Campaign as Campaign
from scrm.campaigns.campaign_models import Recipient as Recipient


class Segment(models.Model):
    """A named condition over contacts, counted when looked at. The condition language is that of `scrm.contacts.conditions`.

    `people`: how many there were at `counted_at`, where it took the background to count them. Asked for again at `asked_at`: contacts up
    to the id `looked_to` have been looked at since, and `found` of them are in it.
    """

    name = models.CharField(_("name"), max_length=80, unique=True)
    conditions = models.JSONField(_("conditions"), default=dict)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    people = models.BigIntegerField(null=True, editable=False)
    counted_at = models.DateTimeField(null=True, editable=False)
    asked_at = models.DateTimeField(null=True, editable=False)
    looked_to = models.BigIntegerField(default=0, db_default=0, editable=False)
    found = models.BigIntegerField(default=0, db_default=0, editable=False)

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
