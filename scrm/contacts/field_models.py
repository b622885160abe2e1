"""What several sources say of one field of a person, and who decides between them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class FieldConflict(models.Model):
    """Two sources say different things of one field. The later one is shown at once; a person confirms, reverts or makes a rule."""

    class Kind(models.TextChoices):
        DIFFERS = "differs", _("the later one is shown")
        TIE = "tie", _("changed at the same moment")
        SUSPECT = "suspect", _("a clock that runs ahead")
        RULED = "ruled", _("decided by a rule")

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("conflict", "Open")
        CONFIRMED = "confirmed", _("Confirmed")
        REVERTED = "reverted", _("Reverted")
        RULED = "ruled", _("Rule made")
        SETTLED = "settled", _("Settled by itself")

    contact = models.ForeignKey("contacts.Contact", verbose_name=_("contact"), on_delete=models.CASCADE, related_name="field_conflicts")
    field = models.CharField(_("field"), max_length=60)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    shown = models.JSONField(_("shown value"), null=True)
    shown_source = models.CharField(_("from"), max_length=80, blank=True)
    shown_at = models.DateTimeField(_("changed"), null=True)
    other = models.JSONField(_("other value"), null=True)
    other_source = models.CharField(_("from"), max_length=80, blank=True)
    other_at = models.DateTimeField(_("changed"), null=True)
    found_at = models.DateTimeField(_("found"))
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("decided by"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        constraints = [models.UniqueConstraint(fields=["contact", "field"], condition=Q(state="open"), name="contacts_conflict_open_once")]
        indexes = [
            models.Index(fields=["found_at", "id"], condition=Q(state="open"), name="contacts_conflicts_open"),
            models.Index(fields=["decided_by", "-decided_at"], name="contacts_conflicts_decided"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} {self.field}"


class FieldRule(models.Model):
    """Which source decides a field, whatever comes later from others."""

    class Prefer(models.TextChoices):
        LATER = "later", _("the later change")
        CRM = "crm", _("the CRM")
        CHANNEL = "channel", _("the chat")
        PERSON = "person", _("what staff entered")

    field = models.CharField(_("field"), max_length=60, unique=True)
    prefer = models.CharField(_("decided by"), max_length=10, choices=Prefer.choices, default=Prefer.LATER)
    created_by = models.CharField(_("created by"), max_length=150, blank=True)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("rule for a field")
        verbose_name_plural = _("rules for fields")
        ordering = ["field"]

    def __str__(self) -> str:
        return f"{self.field}: {self.get_prefer_display()}"
