"""What the stand-in platform keeps: business numbers, customers, chats, messages, media, templates, webhooks and a history.

Moments that only order work (`due_at`, `lease_until`, bucket marks) are seconds since the epoch; moments that people see are datetimes.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone


class Number(models.Model):
    """A business phone number with the app and the business account it belongs to."""

    slug = models.SlugField(unique=True)
    label = models.CharField(max_length=80)
    country = models.CharField(max_length=2)
    language = models.CharField(max_length=10)
    time_zone = models.CharField(max_length=40)
    display_phone_number = models.CharField(max_length=32, unique=True)
    phone_number_id = models.CharField(max_length=32, unique=True)
    waba_id = models.CharField(max_length=32, unique=True)
    portfolio_id = models.CharField(max_length=32)
    app_secret = models.CharField(max_length=64)
    verify_token = models.CharField(max_length=64)
    access_token = models.CharField(max_length=255)
    quality_rating = models.CharField(max_length=8, default="GREEN")
    messaging_tier = models.CharField(max_length=16, default="TIER_2K")
    throughput = models.PositiveIntegerField(default=80, help_text="messages a second, in and out")
    webhook_url = models.CharField(max_length=500, blank=True, help_text="empty: the product's address for this number")
    subscribed = models.BooleanField(default=True)
    profile = models.JSONField(default=dict)
    rate_mark = models.FloatField(default=0.0)

    def __str__(self) -> str:
        return f"{self.label} {self.display_phone_number}"

    @property
    def digits(self) -> str:
        return "".join(c for c in self.display_phone_number if c.isdigit())


class Faults(models.Model):
    """How a number misbehaves. Percentages 0-100; the same seed and the same calls give the same faults."""

    number = models.OneToOneField(Number, on_delete=models.CASCADE, related_name="faults")
    seed = models.CharField(max_length=40, default="1")
    calls = models.PositiveBigIntegerField(default=0)
    error_rates = models.JSONField(default=dict, help_text="error code -> percent of sends refused with it")
    failed_rates = models.JSONField(default=dict, help_text="error code -> percent of accepted messages that fail later")
    server_error_before_percent = models.FloatField(default=0)
    server_error_after_percent = models.FloatField(default=0)
    drop_reply_percent = models.FloatField(default=0)
    stall_percent = models.FloatField(default=0)
    stall_seconds = models.FloatField(default=0)
    too_many_requests_percent = models.FloatField(default=0)
    retry_after_seconds = models.PositiveIntegerField(default=30)
    token_expired = models.BooleanField(default=False)
    duplicate_percent = models.FloatField(default=0)
    lost_receipt_percent = models.FloatField(default=0)
    shuffle = models.BooleanField(default=False)
    batch_size = models.PositiveIntegerField(default=1)
    delay_ms = models.PositiveIntegerField(default=0)


class Person(models.Model):
    """A customer. Some share a phone number, some are known by a business-scoped user id and a username only."""

    name = models.CharField(max_length=120)
    phone = models.CharField(max_length=20, unique=True, null=True, blank=True, help_text="digits with country code, no plus")
    user_id = models.CharField(max_length=140, unique=True)
    username = models.CharField(max_length=60, blank=True)
    language = models.CharField(max_length=10, default="en")
    country = models.CharField(max_length=2, default="HK")
    colour = models.CharField(max_length=7, default="#5b7c99")
    auto_read = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class Chat(models.Model):
    """One customer with one business number: the service window, the pair's rate, and what the phone shows."""

    number = models.ForeignKey(Number, on_delete=models.CASCADE, related_name="chats")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="chats")
    last_inbound_at = models.DateTimeField(null=True)
    last_message_at = models.DateTimeField(default=timezone.now)
    preview = models.CharField(max_length=120, blank=True)
    unread = models.PositiveIntegerField(default=0)
    typing_until = models.FloatField(default=0.0)
    pair_mark = models.FloatField(default=0.0)
    marketing_stopped = models.BooleanField(default=False)
    blocked = models.BooleanField(default=False)
    revision = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["number", "person"], name="one_chat_a_pair")]
        indexes: ClassVar = [models.Index(fields=["number", "-last_message_at"], name="chat_by_recency")]


class Message(models.Model):
    """A bubble. `state` of an inbound one: posted, acknowledged, read; of an outbound one: accepted, read, failed."""

    wamid = models.CharField(max_length=120, unique=True)
    number = models.ForeignKey(Number, on_delete=models.CASCADE)
    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    inbound = models.BooleanField()
    kind = models.CharField(max_length=20)
    content = models.JSONField(default=dict)
    context_wamid = models.CharField(max_length=120, blank=True)
    opaque = models.CharField(max_length=512, blank=True)
    pricing = models.JSONField(default=dict)
    sent_at = models.DateTimeField()
    state = models.CharField(max_length=12)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["number", "person", "sent_at", "id"], name="message_in_chat"),
            models.Index(fields=["inbound", "state"], name="message_by_state"),
        ]


class Reached(models.Model):
    """A person whom a portfolio wrote to outside a service window: `at` is the latest time, in seconds since the epoch."""

    portfolio = models.CharField(max_length=32)
    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    at = models.FloatField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["portfolio", "person"], name="one_reach_a_person")]
        indexes: ClassVar = [models.Index(fields=["portfolio", "at"], name="reached_by_time")]


class MediaFile(models.Model):
    media_id = models.CharField(max_length=32, unique=True)
    number = models.ForeignKey(Number, on_delete=models.CASCADE)
    mime_type = models.CharField(max_length=80)
    filename = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=44, help_text="base64, as the platform gives it")
    size = models.PositiveBigIntegerField()
    content = models.BinaryField()
    expires_at = models.DateTimeField()


class MessageTemplate(models.Model):
    template_id = models.CharField(max_length=32, unique=True)
    number = models.ForeignKey(Number, on_delete=models.CASCADE, related_name="templates")
    name = models.CharField(max_length=512)
    language = models.CharField(max_length=10)
    category = models.CharField(max_length=20)
    status = models.CharField(max_length=20, default="PENDING")
    approve_at = models.FloatField(null=True, help_text="review ends; null: reviewed already")
    parameter_format = models.CharField(max_length=12, default="POSITIONAL")
    components = models.JSONField(default=list)
    verdict = models.CharField(max_length=20, default="APPROVED", help_text="what the review will say")
    reason = models.CharField(max_length=60, blank=True, default="")
    quality = models.CharField(max_length=10, default="UNKNOWN")
    edits = models.JSONField(default=list, help_text="times of edits while approved, seconds")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["number", "name", "language"], name="one_template_a_language")]
        ordering: ClassVar = ["id"]

    @property
    def current_status(self) -> str:
        reviewed = self.status == "PENDING" and self.approve_at is not None and self.approve_at <= time.time()
        return self.verdict if reviewed else self.status

    def node(self) -> dict[str, Any]:
        return {
            "id": self.template_id,
            "name": self.name,
            "language": self.language,
            "status": self.current_status,
            "category": self.category,
            "parameter_format": self.parameter_format,
            "components": self.components,
            "quality_score": {"score": self.quality},
            "rejected_reason": self.reason if self.current_status == "REJECTED" else "NONE",
        }


class PendingUpdate(models.Model):
    """One update (a message, a status, a notice) that waits to be packed into a webhook body."""

    number = models.ForeignKey(Number, on_delete=models.CASCADE)
    due_at = models.FloatField()
    field = models.CharField(max_length=60, default="messages")
    value = models.JSONField()
    about = models.JSONField(default=list, help_text="[wamid, kind] for the history")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["due_at"], name="update_by_due")]


class WebhookDelivery(models.Model):
    """A signed body on its way. Claimed by a conditional update with a lease; repeated until answered with 200."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        GIVEN_UP = "given_up"

    number = models.ForeignKey(Number, on_delete=models.CASCADE)
    url = models.CharField(max_length=500)
    body = models.BinaryField()
    signature = models.CharField(max_length=80)
    about = models.JSONField(default=list)
    created_at = models.FloatField()
    due_at = models.FloatField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    lease_until = models.FloatField(default=0.0)
    claim = models.CharField(max_length=32, blank=True)
    last_answer = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["state", "due_at"], name="delivery_by_due")]


class HistoryEntry(models.Model):
    """Append-only: what was accepted, refused, played and posted. The counting side of fault tests."""

    at = models.FloatField(default=time.time)
    kind = models.CharField(max_length=20)
    number = models.CharField(max_length=50)
    wamid = models.CharField(max_length=120, blank=True)
    reference = models.CharField(max_length=512, blank=True, help_text="biz_opaque_callback_data")
    recipient = models.CharField(max_length=140, blank=True)
    answer = models.IntegerField(default=0, help_text="HTTP status, 0: no answer")
    content = models.JSONField(default=dict)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["kind", "id"], name="history_by_kind"),
            models.Index(fields=["kind", "reference"], name="history_by_reference"),
        ]
