"""What a person must look at about addresses, and how numbers that could not be read were settled."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class IdentityCase(models.Model):
    """An address that says two things at once. Nothing is joined by it; a supervisor answers, and may take the answer back.

    `contact` is who the address leads to now, `other` the person that it might lead to as well. `detail`: {"address", "reason", ...}.
    """

    class Kind(models.TextChoices):
        CONFLICT = "conflict", _("two people claim one address")
        RECYCLED = "recycled", _("number came back with another user id")
        SHARED = "shared", _("several people use one number")

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("case", "Open")
        SAME = "same", _("One person")
        DIFFERENT = "different", _("Different people")

    kind = models.CharField(_("what happened"), max_length=10, choices=Kind.choices)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    identity = models.ForeignKey("contacts.Identity", verbose_name=_("address"), on_delete=models.CASCADE, related_name="cases")
    contact = models.ForeignKey("contacts.Contact", verbose_name=_("leads to"), on_delete=models.CASCADE, related_name="+")
    other = models.ForeignKey("contacts.Contact", verbose_name=_("other person"), on_delete=models.CASCADE, related_name="+")
    detail = models.JSONField(_("details"), default=dict)
    merge = models.ForeignKey("contacts.Merge", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    found_at = models.DateTimeField(_("found"))
    decided_by = models.CharField(_("decided by"), max_length=150, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)

    class Meta:
        verbose_name = _("address to look at")
        verbose_name_plural = _("addresses to look at")
        constraints = [models.UniqueConstraint(fields=["kind", "identity", "other"], name="contacts_identity_case_once")]
        indexes = [models.Index(fields=["-id"], condition=Q(state="open"), name="contacts_identity_cases_open")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.detail.get('address', '')}"


class NumberSettlement(models.Model):
    """How a number that fitted several countries, or could not be read, became a number: by which evidence, or by whom. Kept for ever.

    `evidence`: [{"code": "connection", "for": "HK", "weight": 2.0, "with": {...}}, ...], worded by `settling_words`.
    """

    identity = models.ForeignKey("contacts.Identity", verbose_name=_("address"), on_delete=models.CASCADE, related_name="settlements")
    raw = models.CharField(_("as it came"), max_length=200)
    reason = models.CharField(_("why it could not be read"), max_length=200, blank=True)
    candidates = models.JSONField(_("possible numbers"), default=list)
    chosen = models.CharField(_("number"), max_length=20)
    evidence = models.JSONField(_("evidence"), default=list)
    by = models.CharField(_("by"), max_length=150, blank=True, help_text=_("Empty: by its evidence alone."))
    settled_at = models.DateTimeField(_("settled"))
    undone_by = models.CharField(_("taken back by"), max_length=150, blank=True)
    undone_at = models.DateTimeField(_("taken back"), null=True, blank=True)

    class Meta:
        verbose_name = _("settled number")
        verbose_name_plural = _("settled numbers")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["identity"], condition=Q(undone_at=None), name="contacts_settled_once")]

    def __str__(self) -> str:
        return f"{self.raw} → {self.chosen}"
