"""What the console itself keeps."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from scrm.console.macro_models import Macro as Macro
from scrm.console.macro_models import MacroUse as MacroUse
from scrm.conversations.models import Conversation


class TypingNotice(models.Model):
    """An agent writes: the customer shall see it. One row a conversation; `asked_at` also bounds how often the platform is told."""

    conversation = models.OneToOneField(Conversation, on_delete=models.CASCADE, related_name="+")
    external_id = models.CharField(max_length=200)
    asked_at = models.DateTimeField()
    waiting = models.BooleanField(default=True)

    class Meta:
        verbose_name = _("typing notice")
        verbose_name_plural = _("typing notices")
        indexes = [models.Index(fields=["asked_at"], condition=models.Q(waiting=True), name="console_typing_due")]

    def __str__(self) -> str:
        return self.external_id
