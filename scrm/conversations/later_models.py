"""Messages that a person wrote now and wants to go later."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class LaterMessage(models.Model):
    """A message kept until `send_at`; only then it becomes a row of the outbox, and only then the law decides. See `later.py`."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Scheduled")
        HELD = "held", _("Held back")
        SENT = "sent", _("Handed to the outbox")
        CANCELLED = "cancelled", _("Cancelled")

    class Because(models.TextChoices):
        REPLIED = "replied", _("The customer wrote after it was scheduled.")
        LATE = "late", _("It could not be sent within a day of its time.")
        AUTHOR = "author", _("Its author may no longer answer customers.")
        FAILED = "failed", _("It could not be handed over. Send it now, or cancel it and write it anew.")

    conversation = models.ForeignKey(
        "conversations.Conversation", verbose_name=_("conversation"), on_delete=models.CASCADE, related_name="later", db_index=False
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("author"), null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    kind = models.CharField(_("kind"), max_length=20, default="text")
    text = models.TextField(_("text"), blank=True)
    content = models.JSONField(_("content"), default=dict, blank=True)
    category = models.CharField(_("category"), max_length=14, default="service")
    reply_to = models.CharField(_("answers"), max_length=200, blank=True)
    # The composer's: pressed twice, or sent after it was scheduled, it is one message.
    idempotency_key = models.CharField(max_length=120, unique=True)
    send_at = models.DateTimeField(_("to be sent"))
    hold_on_reply = models.BooleanField(_("hold it when the customer writes first"), default=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    because = models.CharField(_("held because"), max_length=10, choices=Because.choices, blank=True)
    message = models.OneToOneField("conversations.Message", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(_("written"))
    settled_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("scheduled message")
        verbose_name_plural = _("scheduled messages")
        indexes = [
            models.Index(fields=["send_at", "id"], condition=Q(state="waiting"), name="conversations_later_due"),
            models.Index(fields=["conversation", "send_at"], name="conversations_later_of"),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()} · {self.send_at:%Y-%m-%d %H:%M}"
