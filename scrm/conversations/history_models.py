"""Where the text of old messages lies, and how far the work of putting it there has come."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class HistoryBlock(models.Model):
    """Text and content of up to two hundred old messages of one conversation, in the order of their keys; see `blocks.py`."""

    conversation = models.ForeignKey(
        "conversations.Conversation", verbose_name=_("conversation"), on_delete=models.CASCADE, related_name="+", db_index=False
    )
    first_message = models.BigIntegerField()
    last_message = models.BigIntegerField()
    messages = models.PositiveIntegerField(_("messages"))
    body = models.BinaryField()
    # Bytes: of text and content as they stood in the rows, and of `body`.
    size_before = models.PositiveIntegerField()
    size_after = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField()

    class Meta:
        verbose_name = _("block of history")
        verbose_name_plural = _("blocks of history")
        indexes = [models.Index(fields=["conversation", "first_message"], name="conversations_blocks")]

    def __str__(self) -> str:
        return f"{self.conversation_id}: {self.first_message}-{self.last_message}"


class HistorySweep(models.Model):
    """One pass over all conversations that compresses the messages `first_message` < id <= `last_message`.

    Broken off, it goes on behind (`conversation_reached`, `message_reached`). At most one is open.
    """

    first_message = models.BigIntegerField()
    last_message = models.BigIntegerField()
    said_before = models.DateTimeField()
    conversation_reached = models.BigIntegerField(default=0)
    message_reached = models.BigIntegerField(default=0)
    messages = models.PositiveBigIntegerField(_("messages"), default=0)
    blocks = models.PositiveBigIntegerField(default=0)
    size_before = models.PositiveBigIntegerField(default=0)
    size_after = models.PositiveBigIntegerField(default=0)
    started_at = models.DateTimeField(_("started"))
    done_at = models.DateTimeField(_("done"), null=True, blank=True)

    class Meta:
        verbose_name = _("compression of history")
        verbose_name_plural = _("compressions of history")
        constraints = [
            models.UniqueConstraint(fields=["first_message"], condition=Q(done_at=None), name="conversations_sweep_once"),
        ]

    def __str__(self) -> str:
        return f"{self.first_message}-{self.last_message}"
