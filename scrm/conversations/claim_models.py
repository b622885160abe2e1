"""Who is answering a conversation just now."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Claim(models.Model):
    """One person answers here until `until`. It locks nothing: whoever means it takes it over. See `claims.py`."""

    conversation = models.OneToOneField("conversations.Conversation", on_delete=models.CASCADE, related_name="+")
    holder = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.conversation_id} · {self.holder_id}"
