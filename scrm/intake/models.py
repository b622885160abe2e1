"""The inbound ledger: every body as received, every item in it, and what became of each.

At every moment, for every connection: received = processed + duplicate + parked + waiting. A body that has not been opened yet
counts as one received and one waiting item; once opened it is replaced by the items found in it.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from scrm.connections.models import Connection

# Bodies of fewer bytes are stored as they came, larger ones packed with zlib. One message is below this: packing it would cost a tenth
# of the request and save a few hundred bytes.
COMPRESS_FROM = 2048


class InboundEvent(models.Model):
    """One body that a platform posted, with its right signature, kept as bytes."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        CLAIMED = "claimed", _("Being read")
        DONE = "done", _("Taken in")

    connection = models.ForeignKey(Connection, verbose_name=_("connection"), on_delete=models.PROTECT, related_name="+", db_index=False)
    body = models.BinaryField()
    size = models.PositiveIntegerField(_("bytes"))
    received_at = models.DateTimeField(_("received"))
    request_id = models.CharField(_("request"), max_length=40, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    item_count = models.PositiveIntegerField(_("items"), default=0)
    duplicate_count = models.PositiveIntegerField(_("duplicates"), default=0)

    class Meta:
        verbose_name = _("received body")
        verbose_name_plural = _("received bodies")
        indexes = [
            models.Index(fields=["id"], condition=~Q(state="done"), name="intake_open_bodies"),
            models.Index(fields=["connection", "-id"], name="intake_bodies_of_connection"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.state}"


class InboundItem(models.Model):
    """One message, status or notice, once: a second delivery of the same key is counted as a duplicate and changes nothing."""

    class State(models.TextChoices):
        PROCESSED = "processed", _("Processed")
        PARKED = "parked", _("Parked")

    connection = models.ForeignKey(Connection, verbose_name=_("connection"), on_delete=models.PROTECT, related_name="+", db_index=False)
    event = models.ForeignKey(
        InboundEvent, verbose_name=_("received body"), null=True, on_delete=models.SET_NULL, related_name="items", db_index=False
    )
    key = models.CharField(_("key"), max_length=220)
    kind = models.CharField(_("kind"), max_length=40)
    state = models.CharField(_("state"), max_length=10, choices=State.choices)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    data = models.JSONField(_("details"), default=dict, blank=True)
    received_at = models.DateTimeField(_("received"))
    processed_at = models.DateTimeField(_("processed"), null=True, blank=True)
    discarded_by = models.CharField(_("discarded by"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("received item")
        verbose_name_plural = _("received items")
        constraints = [models.UniqueConstraint(fields=["connection", "key"], name="intake_item_once")]
        indexes = [models.Index(fields=["-id"], condition=Q(state="parked"), name="intake_parked")]

    def __str__(self) -> str:
        return self.key


class LedgerTotal(models.Model):
    """Sums of what is final, by connection and day, so that the sum page never counts millions of rows.

    Written in the transaction that makes items final. Several shards keep parallel workers from waiting for one row.
    """

    connection = models.ForeignKey(Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    shard = models.PositiveSmallIntegerField(default=0)
    received = models.PositiveBigIntegerField(default=0)
    processed = models.PositiveBigIntegerField(default=0)
    duplicate = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name = _("ledger total")
        verbose_name_plural = _("ledger totals")
        constraints = [models.UniqueConstraint(fields=["connection", "day", "shard"], name="intake_total_once")]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.day}"
