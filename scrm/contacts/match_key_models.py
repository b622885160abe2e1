"""What matching keeps of each contact: its prepared form, and the keys under which others find it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class MatchProfile(models.Model):
    """A contact as it is compared, see `matching.profile`. Made anew when the contact or one of its addresses changes."""

    contact = models.OneToOneField("contacts.Contact", primary_key=True, on_delete=models.CASCADE, related_name="match_profile")
    version = models.PositiveSmallIntegerField()
    body = models.TextField()

    class Meta:
        verbose_name = _("prepared contact")
        verbose_name_plural = _("prepared contacts")

    def __str__(self) -> str:
        return str(self.contact_id)


class MatchKey(models.Model):
    """Contacts with one key in common are compared. `key`: see `matching.keys`. Some ten rows a contact, so no column of its own as id."""

    pk = models.CompositePrimaryKey("key", "contact_id")
    key = models.BigIntegerField()
    # Not checked by the database: twenty checks a person took longer than writing their keys.
    contact = models.ForeignKey("contacts.Contact", on_delete=models.CASCADE, related_name="+", db_constraint=False)

    class Meta:
        verbose_name = _("matching key")
        verbose_name_plural = _("matching keys")

    def __str__(self) -> str:
        return f"{self.key}: {self.contact_id}"


class MatchTie(models.Model):
    """Two contacts that were compared and have something in common: see `matching.collective`. One or two rows a contact.

    `odds`: log odds that both are one person by what they themselves say; `sure`: these alone would propose to merge them.
    """

    pk = models.CompositePrimaryKey("first_id", "second_id")
    # The lower id. Not checked by the database, as keys are not.
    first = models.ForeignKey("contacts.Contact", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    second = models.ForeignKey("contacts.Contact", on_delete=models.CASCADE, related_name="+", db_constraint=False)
    odds = models.FloatField()
    sure = models.BooleanField()

    class Meta:
        verbose_name = _("tie between contacts")
        verbose_name_plural = _("ties between contacts")

    def __str__(self) -> str:
        return f"{self.first_id}: {self.second_id}"


class MatchFrequency(models.Model):
    """How many contacts have a part of a name, or a purchase, when all were last compared: see `matching.rarity`."""

    part = models.CharField(max_length=200, primary_key=True)
    contacts = models.BigIntegerField()

    class Meta:
        verbose_name = _("frequency for matching")
        verbose_name_plural = _("frequencies for matching")

    def __str__(self) -> str:
        return f"{self.part}: {self.contacts}"


class MatchSweep(models.Model):
    """One comparison of all contacts. It goes on after `position` and `judged`, the last contacts that are done, when it was stopped."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")

    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    rules_version = models.PositiveIntegerField()
    position = models.BigIntegerField(default=0)
    # Of those whose cases are stored, when all were compared and judged by every tie: they and all that hang together with them.
    judged = models.BigIntegerField(default=0)
    compared = models.BigIntegerField(default=0)
    found = models.BigIntegerField(default=0)
    started_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("comparison of all contacts")
        verbose_name_plural = _("comparisons of all contacts")

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}"
