"""Conversations, their messages, and why each message was or was not sent.

A conversation is one identity talking with one of our connections. A message's row is also its place in the outbox:
one row, one truth. States of what we send only move forward, see `states.py`.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from scrm.connections.models import Connection
from scrm.contacts.models import Contact, Identity
from scrm.conversations.claim_models import Claim as Claim
from scrm.conversations.filling import KeptInBlocks
from scrm.conversations.history_models import HistoryBlock as HistoryBlock
from scrm.conversations.history_models import HistorySweep as HistorySweep
from scrm.conversations.later_models import LaterMessage as LaterMessage
from scrm.conversations.limit_models import Pace as Pace
from scrm.conversations.limit_models import Quota as Quota
from scrm.conversations.limit_models import Reach as Reach
from scrm.conversations.price_models import MessagePrice as MessagePrice
from scrm.conversations.profile_models import ProfileLookup as ProfileLookup
from scrm.conversations.querysets import ConversationQuerySet, MessageQuerySet
from scrm.conversations.quick_reply_models import QuickReply as QuickReply
from scrm.conversations.survey_models import Survey as Survey
from scrm.conversations.survey_models import SurveyPlan as SurveyPlan
from scrm.conversations.template_models import TemplateChange as TemplateChange
from scrm.conversations.template_models import TemplateSync as TemplateSync
from scrm.staff.models import Team


class Conversation(models.Model):
    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        SNOOZED = "snoozed", _("Snoozed")
        CLOSED = "closed", _("Closed")

    identity = models.ForeignKey(Identity, verbose_name=_("address"), on_delete=models.PROTECT, related_name="conversations")
    connection = models.ForeignKey(Connection, verbose_name=_("connection"), on_delete=models.PROTECT, related_name="+", db_index=False)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.OPEN)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("assignee"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    team = models.ForeignKey(Team, verbose_name=_("team"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    low_priority = models.BooleanField(_("low priority"), default=False)
    unread_count = models.PositiveIntegerField(_("unread"), default=0)
    waiting_since = models.DateTimeField(
        _("waiting since"), null=True, blank=True, help_text=_("The first message that no person has answered.")
    )
    window_expires_at = models.DateTimeField(_("window closes"), null=True, blank=True)
    automation_paused_until = models.DateTimeField(_("automation paused until"), null=True, blank=True)
    snoozed_until = models.DateTimeField(_("snoozed until"), null=True, blank=True)
    last_message_at = models.DateTimeField(_("last message"))
    last_inbound_at = models.DateTimeField(_("last from the customer"), null=True, blank=True)
    last_preview = models.CharField(_("last words"), max_length=160, blank=True)
    last_direction = models.CharField(max_length=3, blank=True)
    last_state = models.CharField(max_length=10, blank=True)
    # Counts every change that a watching page must show; the live pages ask with the number they have.
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField()
    opened_at = models.DateTimeField(_("opened"))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    referral = models.JSONField(_("came from"), default=dict, blank=True)
    # The answer that is owed: until when, and for which wait this was worked out. A new wait makes it out of date: nobody need clear it.
    due_at = models.DateTimeField(_("answer due"), null=True, blank=True)
    due_for = models.DateTimeField(null=True, blank=True)
    breached_at = models.DateTimeField(_("overdue since"), null=True, blank=True)
    # Some platforms let a message be answered free of charge with a token that lives for a minute and works once.
    reply_token = models.CharField(max_length=100, blank=True, default="", db_default="")
    reply_token_until = models.DateTimeField(null=True, blank=True)

    # See `counting.py`: messages from the customer, messages to them. None: not counted yet.
    heard = models.PositiveIntegerField(null=True, default=0, editable=False)
    said = models.PositiveIntegerField(null=True, default=0, editable=False)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        constraints = [
            models.UniqueConstraint(fields=["identity", "connection"], condition=~Q(status="closed"), name="conversations_one_open"),
        ]
        indexes = [
            models.Index(fields=["-last_message_at", "-id"], condition=Q(status="open"), name="conversations_inbox"),
            models.Index(fields=["assignee", "-last_message_at", "-id"], condition=Q(status="open"), name="conversations_mine"),
            models.Index(
                fields=["waiting_since", "id"], condition=Q(status="open", waiting_since__isnull=False), name="conversations_waiting"
            ),
            models.Index(fields=["-last_message_at", "-id"], condition=Q(status="open", unread_count__gt=0), name="conversations_unread"),
            models.Index(
                fields=["-last_message_at", "-id"], condition=Q(status="open", low_priority=True), name="conversations_low_priority"
            ),
            models.Index(fields=["snoozed_until", "id"], condition=Q(status="snoozed"), name="conversations_snoozed"),
            models.Index(fields=["-changed_at"], name="conversations_changed"),
            models.Index(fields=["-last_message_at", "-id"], name="conversations_by_time"),
            models.Index(fields=["id"], condition=Q(heard=None), name="conversations_uncounted"),
            models.Index(fields=["connection", "id"], condition=Q(team=None), name="conversations_teamless"),
            models.Index(
                fields=["waiting_since", "id"],
                condition=Q(status="open", waiting_since__isnull=False) & (Q(due_for=None) | Q(due_for__lt=F("waiting_since"))),
                name="conversations_unplanned",
            ),
            models.Index(fields=["due_at", "id"], condition=Q(status="open", due_for__gte=F("waiting_since")), name="conversations_due"),
        ]

    def __str__(self) -> str:
        return f"{self.identity} · {self.connection_id}"

    @property
    def due_now(self) -> datetime | None:
        """Until when the answer to the present wait is due; None when nobody waits or no time was worked out for this wait yet."""
        if self.waiting_since is None or self.due_for is None or self.due_for < self.waiting_since:
            return None
        return self.due_at


class Message(KeptInBlocks):
    class Direction(models.TextChoices):
        IN = "in", _("from the customer")
        OUT = "out", _("to the customer")
        NOTE = "note", _("internal note")

    class State(models.TextChoices):
        RECEIVED = "received", _("Received")
        QUEUED = "queued", _("Queued")
        CLAIMED = "claimed", _("Taken by a worker")
        SENDING = "sending", _("Being sent")
        ACCEPTED = "accepted", _("Accepted by the platform")
        SENT = "sent", _("Sent")
        DELIVERED = "delivered", _("Delivered")
        READ = "read", _("Read")
        FAILED = "failed", _("Failed")
        BLOCKED = "blocked", _("Blocked by a rule")
        UNKNOWN = "unknown", _("Outcome unknown")
        CANCELLED = "cancelled", _("Cancelled")
        EXPIRED = "expired", _("Expired")

    class Source(models.TextChoices):
        CUSTOMER = "customer", _("customer")
        AGENT = "agent", _("agent")
        RULE = "rule", _("automation")
        CAMPAIGN = "campaign", _("campaign")
        API = "api", _("partner")
        PHONE_APP = "phone_app", _("phone app")

    class Category(models.TextChoices):
        SERVICE = "service", _("service reply")
        UTILITY = "utility", _("service notice")
        MARKETING = "marketing", _("promotion")
        AUTHENTICATION = "authentication", _("authentication")

    class Priority(models.IntegerChoices):
        PERSON = 0, _("a person's answer")
        SERVICE = 1, _("service")
        AUTOMATION = 2, _("automation")
        PROMOTION = 3, _("promotion")

    conversation = models.ForeignKey(
        Conversation, verbose_name=_("conversation"), on_delete=models.PROTECT, related_name="messages", db_index=False
    )
    connection = models.ForeignKey(Connection, verbose_name=_("connection"), on_delete=models.PROTECT, related_name="+", db_index=False)
    direction = models.CharField(_("direction"), max_length=4, choices=Direction.choices)
    kind = models.CharField(_("kind"), max_length=20, default="text")
    text = models.TextField(_("text"), blank=True)
    content = models.JSONField(_("content"), default=dict, blank=True)
    external_id = models.CharField(_("platform's id"), max_length=200, blank=True)
    reply_to = models.CharField(_("answers"), max_length=200, blank=True)
    sent_at = models.DateTimeField(_("time"))
    created_at = models.DateTimeField(_("stored"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices)
    source = models.CharField(_("source"), max_length=10, choices=Source.choices)
    category = models.CharField(_("category"), max_length=14, choices=Category.choices, default=Category.SERVICE)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("author"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
    )
    cause = models.CharField(_("cause"), max_length=120, blank=True, help_text=_("The rule, campaign or token behind it."))
    event_key = models.CharField(max_length=120, blank=True)
    # The outbox. idempotency_key: one cause, one message, whoever asks how often.
    idempotency_key = models.CharField(max_length=120, null=True, blank=True, unique=True)
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    # Who goes first when a number may send only so many a second: see Priority.
    priority = models.PositiveSmallIntegerField(_("priority"), choices=Priority.choices, default=1, db_default=1)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    read_at = models.DateTimeField(_("read"), null=True, blank=True)
    failed_at = models.DateTimeField(_("failed"), null=True, blank=True)
    error_code = models.CharField(_("error code"), max_length=40, blank=True)
    error_title = models.CharField(_("error"), max_length=500, blank=True)
    price_category = models.CharField(_("price category"), max_length=40, blank=True)
    billable = models.BooleanField(_("billable"), null=True, blank=True)
    # From the price list, when the platform said that it bills the message; stays what it was when prices change.
    cost = models.DecimalField(_("cost"), max_digits=12, decimal_places=6, null=True, blank=True)
    cost_currency = models.CharField(_("currency"), max_length=3, blank=True, default="", db_default="")

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [
            models.UniqueConstraint(fields=["connection", "external_id"], condition=~Q(external_id=""), name="conversations_message_once"),
        ]
        indexes = [
            models.Index(fields=["conversation", "-sent_at", "-id"], name="conversations_thread"),
            models.Index(fields=["due_at", "id"], condition=Q(state="queued"), name="conversations_outbox_due"),
            models.Index(fields=["connection", "priority", "due_at", "id"], condition=Q(state="queued"), name="conversations_outbox_order"),
            # To leave at once: few, however many wait for their time. What a clock that is ahead wrote is found among these.
            models.Index(fields=["due_at"], condition=Q(state="queued", due_at=F("created_at")), name="conversations_outbox_at_once"),
            models.Index(fields=["connection", "-failed_at"], condition=Q(state="failed"), name="conversations_outbox_errors"),
            models.Index(
                fields=["conversation", "id"], condition=Q(state__in=["queued", "claimed", "sending"]), name="conversations_outbox_head"
            ),
            models.Index(fields=["lease_until"], condition=Q(state__in=["claimed", "sending"]), name="conversations_outbox_leases"),
            models.Index(
                fields=["state", "-id"], condition=Q(state__in=["failed", "blocked", "unknown"]), name="conversations_outbox_review"
            ),
            models.Index(fields=["connection", "accepted_at"], condition=Q(billable__isnull=False), name="conversations_billed"),
            models.Index(fields=["id"], condition=Q(billable=True, cost=None), name="conversations_unpriced"),
        ]

    def __str__(self) -> str:
        return f"{self.get_direction_display()} · {self.sent_at:%Y-%m-%d %H:%M}"


class OrphanStatus(models.Model):
    """A delivery status whose message is not known yet; joined when it is, dropped from the list after 72 hours."""

    connection = models.ForeignKey(Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="+", db_index=False)
    external_id = models.CharField(max_length=200)
    status = models.CharField(max_length=12)
    occurred_at = models.DateTimeField()
    payload = models.JSONField(default=dict)
    received_at = models.DateTimeField()

    class Meta:
        verbose_name = _("status without message")
        verbose_name_plural = _("statuses without message")
        constraints = [models.UniqueConstraint(fields=["connection", "external_id", "status"], name="conversations_orphan_once")]

    def __str__(self) -> str:
        return f"{self.external_id} {self.status}"


class ReadReceipt(models.Model):
    """Two blue ticks that the customer has yet to get. The newest message of a conversation stands for all before it."""

    conversation = models.OneToOneField(Conversation, on_delete=models.CASCADE, related_name="+")
    external_id = models.CharField(max_length=200)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("read receipt")
        verbose_name_plural = _("read receipts")

    def __str__(self) -> str:
        return self.external_id


class Attachment(models.Model):
    class State(models.TextChoices):
        WAITING = "waiting", _("To be fetched")
        STORED = "stored", _("Stored")
        FAILED = "failed", _("Missing")

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attachments")
    kind = models.CharField(max_length=20)
    external_id = models.CharField(max_length=200, blank=True)
    mime_type = models.CharField(max_length=100, blank=True)
    filename = models.CharField(max_length=255, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.PositiveBigIntegerField(null=True, blank=True)
    # Where the file lies at a platform that gives links instead of ids; emptied once it is here.
    url = models.TextField(blank=True, default="", db_default="")
    file = models.FileField(upload_to="attachments/%Y/%m/%d", max_length=300, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField()
    last_error = models.CharField(max_length=500, blank=True)
    # The form in which a picture goes on to a CRM: a JPEG below 5 MB, upright, without place of taking. Empty: the file itself will do.
    crm_file = models.FileField(upload_to="attachments/%Y/%m/%d", max_length=300, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        indexes = [models.Index(fields=["due_at", "id"], condition=Q(state="waiting"), name="conversations_media_due")]

    def __str__(self) -> str:
        return self.filename or self.kind


class Response(models.Model):
    """How long a customer waited for a person: from the first unanswered message to the reply. What the report adds up."""

    conversation = models.ForeignKey(Conversation, verbose_name=_("conversation"), on_delete=models.CASCADE, related_name="responses")
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("agent"), null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="+")
    asked_at = models.DateTimeField(_("asked"))
    answered_at = models.DateTimeField(_("answered"))
    seconds = models.PositiveIntegerField(_("seconds"))
    first = models.BooleanField(_("first in the conversation"))

    class Meta:
        verbose_name = _("response time")
        verbose_name_plural = _("response times")
        indexes = [
            models.Index(fields=["answered_at"], name="conversations_response_time"),
            models.Index(fields=["agent", "answered_at"], name="conversations_response_agent"),
        ]

    def __str__(self) -> str:
        return f"{self.seconds} s"


class MessageTemplate(models.Model):
    class Status(models.TextChoices):
        APPROVED = "APPROVED", _("Approved")
        PENDING = "PENDING", _("In review")
        REJECTED = "REJECTED", _("Rejected")
        PAUSED = "PAUSED", _("Paused")
        DISABLED = "DISABLED", _("Disabled")
        DRAFT = "DRAFT", _("Draft")
        DELETED = "DELETED", _("Deleted")

    connection = models.ForeignKey(Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="templates")
    name = models.CharField(_("name"), max_length=512)
    language = models.CharField(_("language"), max_length=10)
    category = models.CharField(_("category"), max_length=20)
    status = models.CharField(_("status"), max_length=20)
    components = models.JSONField(_("components"), default=list)
    quality = models.CharField(_("quality"), max_length=10, blank=True)
    external_id = models.CharField(max_length=60, blank=True)
    synced_at = models.DateTimeField(_("read from the platform"))
    reason = models.CharField(
        _("reason"), max_length=500, blank=True, default="", db_default="", help_text=_("Why the platform rejected or paused it.")
    )
    status_at = models.DateTimeField(_("status since"), null=True, blank=True)
    # Announced by the platform a day ahead; the price and the rules change with it.
    next_category = models.CharField(_("next category"), max_length=20, blank=True, default="", db_default="")
    examples = models.JSONField(_("examples"), default=dict, blank=True)
    # Where the value of each place comes from: {"body_1": {"source": "contact.first_name", "fallback": "there"}}. Ours alone.
    variables = models.JSONField(_("variables"), default=dict, blank=True)
    submitted_at = models.DateTimeField(_("submitted"), null=True, blank=True)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("submitted by"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name = _("message template")
        verbose_name_plural = _("message templates")
        ordering = ["name", "language"]
        constraints = [models.UniqueConstraint(fields=["connection", "name", "language"], name="conversations_template_once")]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"

    @property
    def body(self) -> str:
        """The body text with its {{1}} places, as the platform holds it."""
        return next((str(part.get("text", "")) for part in self.components if str(part.get("type", "")).upper() == "BODY"), "")


class Decision(models.Model):
    """Why a message may, may not, or may not yet go: one row each time the law was asked. Never changed."""

    class Verdict(models.TextChoices):
        ALLOW = "allow", _("allowed")
        DEFER = "defer", _("deferred")
        REFUSE = "refuse", _("refused")

    contact = models.ForeignKey(Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="decisions", db_index=False)
    identity = models.ForeignKey(
        Identity, verbose_name=_("address"), null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    connection = models.ForeignKey(Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="+", db_index=False)
    message = models.ForeignKey(Message, verbose_name=_("message"), null=True, on_delete=models.SET_NULL, related_name="decisions")
    asked_by = models.CharField(_("asked by"), max_length=10)
    moment = models.CharField(_("at the moment of"), max_length=8)
    verdict = models.CharField(_("verdict"), max_length=6, choices=Verdict.choices)
    rule = models.CharField(_("rule"), max_length=40, blank=True)
    until = models.DateTimeField(_("next allowed"), null=True, blank=True)
    counters = models.JSONField(_("counters"), default=dict)
    cause = models.CharField(_("cause"), max_length=120, blank=True)
    decided_at = models.DateTimeField(_("decided"))

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        indexes = [
            models.Index(fields=["contact", "-decided_at"], name="conversations_decision_who"),
            models.Index(fields=["-decided_at", "-id"], name="conversations_decision_when"),
            models.Index(fields=["identity"], condition=Q(identity__isnull=False), name="conversations_decision_whose"),
        ]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()} {self.rule}".strip()


class Reservation(models.Model):
    """A slot that a message holds under the limits. Lives on the identity and counts for the whole person.

    Released only when the message is proven not to have gone; an unknown outcome keeps it.
    """

    identity = models.ForeignKey(Identity, verbose_name=_("address"), on_delete=models.PROTECT, related_name="reservations", db_index=False)
    connection = models.ForeignKey(Connection, verbose_name=_("connection"), on_delete=models.PROTECT, related_name="+", db_index=False)
    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="reservation")
    template = models.BooleanField()
    category = models.CharField(max_length=14)
    content_hash = models.CharField(max_length=32)
    event_key = models.CharField(max_length=120, blank=True)
    reserved_at = models.DateTimeField()
    quota_day = models.DateField()
    released = models.BooleanField(default=False)
    # Spoke first: outside the window, so it counts against the portfolio's messaging limit (unique people in 24 h).
    spoke_first = models.BooleanField(default=False, db_default=False)

    class Meta:
        verbose_name = _("reservation")
        verbose_name_plural = _("reservations")
        indexes = [
            models.Index(fields=["identity", "-reserved_at"], condition=Q(released=False), name="conversations_reservations"),
            models.Index(fields=["connection", "quota_day", "identity"], condition=Q(spoke_first=True), name="conversations_spoken_first"),
            models.Index(fields=["identity"], name="conversations_slot_whose"),
        ]

    def __str__(self) -> str:
        return f"{self.category} {self.reserved_at:%Y-%m-%d %H:%M}"
