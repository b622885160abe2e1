"""The journal of merges: one row a merge, kept for ever, undone by marking it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Merge(models.Model):
    """Two contacts were found to be one person. An edge in a forest: while it stands, `duplicate` and all below it show as `survivor`.

    Nothing of the duplicate is overwritten: its row keeps its own values, its history stays on it, and its addresses remember it as
    their `home`. What the survivor shows is computed from both (`merging.fold`), so any edge can be taken away again at any time.

    `choices`: {field: {"from": "survivor" | "duplicate" | "typed", "value": ...}}; counts as a change at `merged_at`.
    `journal`: what stood before, for people to read: both rows' values, the addresses that moved, who was open where.
    """

    survivor = models.ForeignKey("contacts.Contact", verbose_name=_("survivor"), on_delete=models.PROTECT, related_name="merges")
    duplicate = models.ForeignKey("contacts.Contact", verbose_name=_("duplicate"), on_delete=models.PROTECT, related_name="merged_by")
    choices = models.JSONField(_("chosen values"), default=dict)
    journal = models.JSONField(_("before"), default=dict)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    merged_at = models.DateTimeField(_("merged"))
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("undone by"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    undone_at = models.DateTimeField(_("undone"), null=True, blank=True)

    class Meta:
        verbose_name = _("merge")
        verbose_name_plural = _("merges")
        # No adapter here can merge inside a CRM. Where one comes that can, it asks for the last of these, which nobody has unless given.
        permissions = [
            ("merge_contacts", "Can merge contacts"),
            ("undo_merge", "Can undo merges"),
            ("merge_in_crm", "Can merge records inside a CRM, which cannot be undone there"),
        ]
        constraints = [models.UniqueConstraint(fields=["duplicate"], condition=Q(undone_at=None), name="contacts_merged_once")]
        indexes = [models.Index(fields=["-merged_at", "-id"], name="contacts_merges_by_time")]

    def __str__(self) -> str:
        return f"{self.duplicate_id} → {self.survivor_id}"
