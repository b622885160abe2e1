"""What of ours stands where in which CRM, and what is still to be pushed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from scrm.connections.models import Connection
from scrm.contacts.models import Contact
from scrm.sync.kinds import Kind as Kind
from scrm.sync.meter_models import SyncHour as SyncHour
from scrm.sync.pull_models import AwaitedPerson as AwaitedPerson
from scrm.sync.pull_models import Pull as Pull
from scrm.sync.pull_models import SyncConflict as SyncConflict
from scrm.sync.pull_models import SyncCursor as SyncCursor
from scrm.sync.pull_models import SyncPlan as SyncPlan
from scrm.sync.report_models import MappedField as MappedField
from scrm.sync.sales_models import SaleState as SaleState
from scrm.sync.verify_models import Verification as Verification
from scrm.sync.verify_models import VerifiedRecord as VerifiedRecord


class FieldMapping(models.Model):
    """One field of ours and one of theirs that hold the same. `options` belong to the transform, see `mapping.py`."""

    class Direction(models.TextChoices):
        BOTH = "both", _("both ways")
        OUT = "out", _("to the CRM")
        IN = "in", _("from the CRM")

    class Transform(models.TextChoices):
        NONE = "", _("as it is")
        CHOICES = "choices", _("choices, by a table")
        DATE = "date", _("date in a format")
        JOINED = "joined", _("several values in one text")
        SATISFACTION = "satisfaction", _("emoji to satisfaction")

    connection = models.ForeignKey(Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="field_mappings")
    kind = models.CharField(_("object"), max_length=20, choices=Kind.choices)
    source = models.CharField(_("our field"), max_length=60)
    target = models.CharField(_("their field"), max_length=100)
    direction = models.CharField(_("direction"), max_length=4, choices=Direction.choices, default=Direction.OUT, db_default="out")
    transform = models.CharField(
        _("transformation"), max_length=12, choices=Transform.choices, blank=True, default=Transform.NONE, db_default=""
    )
    options = models.JSONField(
        _("details of the transformation"),
        null=True,
        blank=True,
        help_text=_('Choices: {"high": "Hot"}, ours first. Date: {"format": "%d/%m/%Y"}. Several values: {"by": ";"}.'),
    )
    default = models.CharField(_("when empty"), max_length=200, blank=True)
    enabled = models.BooleanField(_("switched on"), default=True)

    class Meta:
        verbose_name = _("field mapping")
        verbose_name_plural = _("field mappings")
        ordering = ["connection", "kind", "id"]
        constraints = [models.UniqueConstraint(fields=["connection", "kind", "target"], name="sync_mapping_once")]

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"


class ExternalRecord(models.Model):
    """The link between a row of ours and a record of theirs, with the field values both sides last agreed on."""

    connection = models.ForeignKey(
        Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="external_records", db_index=False
    )
    kind = models.CharField(_("object"), max_length=20, choices=Kind.choices)
    key = models.CharField(_("our key"), max_length=80)
    external_id = models.CharField(_("their id"), max_length=100)
    version = models.CharField(max_length=100, blank=True)
    # What both sides last agreed on, {their field: value}: as we write it, and as they then held it (they may tidy what they are given).
    base = models.JSONField(_("agreed values"), default=dict)
    seen = models.JSONField(_("agreed values, as they hold them"), null=True)
    # {their field: their value} of conflicts without a winner: neither side is written until a person has decided.
    held = models.JSONField(_("waiting for a decision"), null=True)
    links = models.JSONField(_("associations"), default=list)
    synced_at = models.DateTimeField(_("in step since"))
    # Deleted over there, or merged into the record `merged_into`: nothing is written until it is restored or a person says so.
    removed_at = models.DateTimeField(_("removed in the CRM"), null=True, blank=True)
    merged_into = models.CharField(_("merged there into"), max_length=100, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("CRM record")
        verbose_name_plural = _("CRM records")
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind", "key"], name="sync_record_ours_once"),
            models.UniqueConstraint(fields=["connection", "kind", "external_id"], name="sync_record_theirs_once"),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(held__isnull=False), name="sync_record_held")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Push(models.Model):
    """An object that must be written to a CRM: one row an object, so that a retry is the same write.

    `wanted` counts changes of ours, `written` the count that the CRM has; equal means done.
    """

    class State(models.TextChoices):
        DUE = "due", _("Due")
        DONE = "done", _("In step")
        DEAD = "dead", _("Dead letter")
        DISCARDED = "discarded", _("Discarded by a person")

    connection = models.ForeignKey(
        Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="pushes", db_index=False
    )
    kind = models.CharField(_("object"), max_length=20, choices=Kind.choices)
    key = models.CharField(_("our key"), max_length=80)
    wanted = models.PositiveIntegerField(default=1)
    written = models.PositiveIntegerField(default=0)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.DUE)
    due_at = models.DateTimeField(_("due"))
    asked_at = models.DateTimeField(_("asked"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    # Set when a call with others failed as a whole: written by itself from then on, so that it cannot hold them up.
    alone = models.BooleanField(default=False)
    last_error = models.CharField(_("reason"), max_length=500, blank=True)
    pushed_at = models.DateTimeField(_("written"), null=True, blank=True)
    # When it was last sent to a CRM that cannot be asked for our key, without our knowing a record of it there.
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("CRM write")
        verbose_name_plural = _("CRM writes")
        constraints = [models.UniqueConstraint(fields=["connection", "kind", "key"], name="sync_push_once")]
        indexes = [
            models.Index(fields=["due_at", "id"], condition=Q(state="due"), name="sync_push_due"),
            models.Index(fields=["-id"], condition=Q(state="dead"), name="sync_push_dead"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class PostalCompletion(models.Model):
    """A contact's missing postal code: asked for, found or not, and taken back. A code that was taken back is not found again."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Completed")
        NONE = "none", _("No certain code")
        REVERTED = "reverted", _("Taken back")

    contact = models.OneToOneField(Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="postal_completion")
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    address = models.CharField(_("for the address"), max_length=64, help_text=_("A fingerprint of the address that was looked up."))
    postal_code = models.CharField(_("postal code"), max_length=20, blank=True)
    source = models.CharField(_("completed by"), max_length=40, blank=True)
    confidence = models.FloatField(_("confidence"), default=0)
    due_at = models.DateTimeField(_("due"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    found_at = models.DateTimeField(_("found"), null=True, blank=True)
    reverted_by = models.CharField(_("taken back by"), max_length=150, blank=True)
    reverted_at = models.DateTimeField(_("taken back"), null=True, blank=True)

    class Meta:
        verbose_name = _("completed postal code")
        verbose_name_plural = _("completed postal codes")
        indexes = [models.Index(fields=["due_at", "id"], condition=Q(state="waiting"), name="sync_postal_due")]

    def __str__(self) -> str:
        return f"{self.contact_id} {self.postal_code}"
