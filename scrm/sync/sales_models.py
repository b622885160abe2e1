"""Deals and cases as the CRMs hold them: we ask for them, and people move them on over there."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from scrm.connections.models import Connection
from scrm.contacts.models import Contact
from scrm.sync.kinds import Kind

# Wider than the fields of the vendors, but for HubSpot's names; what is longer all the same ends in "…" here and is told.
LENGTHS = {"name": 500, "stage": 255, "priority": 255}


class SaleState(models.Model):
    """What a CRM says of a deal or a case. `key` as that of its link: `conversation:34`, `order:5`, or `crm:<their id>` for one that
    people began over there. `stage` is in the CRM's words, or in ours where the mapping has a table of choices."""

    connection = models.ForeignKey(
        Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="sale_states", db_index=False
    )
    kind = models.CharField(_("object"), max_length=20, choices=Kind.choices)
    key = models.CharField(_("our key"), max_length=80)
    contact = models.ForeignKey(Contact, verbose_name=_("contact"), null=True, on_delete=models.CASCADE, related_name="sale_states")
    name = models.CharField(_("name"), max_length=LENGTHS["name"], blank=True)
    stage = models.CharField(_("stage"), max_length=LENGTHS["stage"], blank=True)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    priority = models.CharField(_("priority"), max_length=LENGTHS["priority"], blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("deal or case in a CRM")
        verbose_name_plural = _("deals and cases in the CRMs")
        constraints = [models.UniqueConstraint(fields=["connection", "kind", "key"], name="sync_sale_once")]

    def __str__(self) -> str:
        return self.name or self.key
