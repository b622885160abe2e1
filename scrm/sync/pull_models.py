"""What comes from the CRMs: how far each feed was read, which records must be read again, and what could not be decided."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from scrm.connections.models import Connection
from scrm.sync.kinds import Kind


class SyncPlan(models.Model):
    """How one kind of object is kept in step with one CRM. Without a row: what the adapter can, in real time."""

    class Pace(models.TextChoices):
        LIVE = "live", _("as it happens")
        BATCH = "batch", _("in batches")

    connection = models.ForeignKey(
        Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="sync_plans", db_index=False
    )
    kind = models.CharField(_("object"), max_length=20, choices=Kind.choices)
    pace = models.CharField(_("pace"), max_length=5, choices=Pace.choices, default=Pace.LIVE)
    minutes = models.PositiveSmallIntegerField(
        _("minutes between batches"), default=15, validators=[MinValueValidator(15), MaxValueValidator(60)]
    )
    makes_new = models.BooleanField(
        _("new records become contacts"), default=True, help_text=_("A contact that is new in the CRM is also made here.")
    )
    night_only = models.BooleanField(
        _("large transfers by night"),
        default=True,
        help_text=_("More than 2,000 records at once are read between 1 and 5 o'clock, local time of the connection."),
    )
    urgent = models.BooleanField(
        _("urgent"), default=False, db_default=False, help_text=_("Written at once even in the connection's quiet hours.")
    )

    class Meta:
        verbose_name = _("sync setting")
        verbose_name_plural = _("sync settings")
        ordering = ["connection", "kind"]
        constraints = [models.UniqueConstraint(fields=["connection", "kind"], name="sync_plan_once")]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.kind}"


class SyncCursor(models.Model):
    """How far a feed of one CRM was read. `cursor` is the adapter's own and is stored with the effects of the page that it ends.

    Empty: from the beginning. `signpost`: when the run in progress began, by our clock.
    """

    class Feed(models.TextChoices):
        CHANGES = "changes", _("changes")
        REMOVALS = "removals", _("removals")

    connection = models.ForeignKey(
        Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="sync_cursors", db_index=False
    )
    kind = models.CharField(_("object"), max_length=20, choices=Kind.choices)
    feed = models.CharField(_("feed"), max_length=10, choices=Feed.choices)
    cursor = models.JSONField(_("position"), default=dict)
    signpost = models.DateTimeField(_("run since"), null=True, blank=True)
    finished_at = models.DateTimeField(_("last complete run"), null=True, blank=True)
    due_at = models.DateTimeField(_("due"))
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    in_run = models.PositiveIntegerField(_("records in this run"), default=0)
    records = models.PositiveBigIntegerField(_("records read"), default=0)
    last_error = models.CharField(_("reason"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("position in a feed")
        verbose_name_plural = _("positions in feeds")
        constraints = [models.UniqueConstraint(fields=["connection", "kind", "feed"], name="sync_cursor_once")]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.kind} {self.feed}"


class Pull(models.Model):
    """A record of theirs that must be read (again): a webhook named it, or it could not be taken over when it came.

    Also one that is left alone because it belongs to nobody here, or to several: it is read when it changes there, when its person is
    linked, or when its people were merged.

    One row a record. `wanted` counts the reasons to read it, as in `Push`.
    """

    class State(models.TextChoices):
        DUE = "due", _("Due")
        DONE = "done", _("In step")
        DEAD = "dead", _("Dead letter")
        LEFT = "left", _("Left alone")
        DISCARDED = "discarded", _("Discarded by a person")

    connection = models.ForeignKey(Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="pulls", db_index=False)
    kind = models.CharField(_("object"), max_length=20, choices=Kind.choices)
    external_id = models.CharField(_("their id"), max_length=100)
    wanted = models.PositiveIntegerField(default=1)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.DUE)
    due_at = models.DateTimeField(_("due"))
    asked_at = models.DateTimeField(_("asked"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    last_error = models.CharField(_("reason"), max_length=500, blank=True)
    pulled_at = models.DateTimeField(_("taken over"), null=True, blank=True)

    class Meta:
        verbose_name = _("CRM read")
        verbose_name_plural = _("CRM reads")
        constraints = [models.UniqueConstraint(fields=["connection", "kind", "external_id"], name="sync_pull_once")]
        indexes = [
            models.Index(fields=["due_at", "id"], condition=Q(state="due"), name="sync_pull_due"),
            models.Index(fields=["-id"], condition=Q(state="dead"), name="sync_pull_dead"),
            models.Index(fields=["connection", "-id"], condition=Q(state="left"), name="sync_pull_left"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id}"


class AwaitedPerson(models.Model):
    """A person's record of theirs to whom a record belongs that is left alone: once that person is linked here, or all of its people are
    one, that one is read."""

    pull = models.ForeignKey(Pull, verbose_name=_("CRM read"), on_delete=models.CASCADE, related_name="awaited_people")
    person = models.CharField(_("the person's id there"), max_length=100)

    class Meta:
        verbose_name = _("awaited person")
        verbose_name_plural = _("awaited people")
        constraints = [models.UniqueConstraint(fields=["person", "pull"], name="sync_awaited_once")]

    def __str__(self) -> str:
        return f"{self.pull_id} {self.person}"


class SyncConflict(models.Model):
    """Both sides changed a field that has no history of its own here, or theirs cannot be kept here. Fields of people: `FieldConflict`."""

    class Reason(models.TextChoices):
        BOTH = "both", _("both sides changed it")
        UNFIT = "unfit", _("their value does not fit")
        CUT = "cut", _("their value is longer")

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("conflict", "Open")
        OURS = "ours", _("Ours is right")
        THEIRS = "theirs", _("Theirs is right")
        SETTLED = "settled", _("Settled by itself")

    record = models.ForeignKey(
        "sync.ExternalRecord", verbose_name=_("CRM record"), on_delete=models.CASCADE, related_name="conflicts", db_index=False
    )
    field = models.CharField(_("our field"), max_length=60)
    reason = models.CharField(_("why"), max_length=5, choices=Reason.choices)
    words = models.CharField(_("explanation"), max_length=300, blank=True)
    base = models.JSONField(_("agreed value"), null=True)
    ours = models.JSONField(_("ours"), null=True)
    theirs = models.JSONField(_("theirs"), null=True)
    winner = models.CharField(_("kept"), max_length=6, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.OPEN)
    found_at = models.DateTimeField(_("found"))
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("decided by"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)

    class Meta:
        verbose_name = _("difference with a CRM")
        verbose_name_plural = _("differences with CRMs")
        constraints = [models.UniqueConstraint(fields=["record", "field"], condition=Q(state="open"), name="sync_conflict_open_once")]
        indexes = [models.Index(fields=["found_at", "id"], condition=Q(state="open"), name="sync_conflicts_open")]

    def __str__(self) -> str:
        return f"{self.record_id} {self.field}"
