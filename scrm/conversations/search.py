"""The search index over what was said."""

from __future__ import annotations

from collections.abc import Callable

from scrm.conversations.models import Message
from scrm.core.search import SearchIndex

message_index = SearchIndex("conversations_search", Message)

AT_ONCE = 2000


def rebuild(say: Callable[[str], None]) -> None:
    """Index all messages anew, those of compressed history too; for a restored database."""
    reached = 0
    while rows := list(Message.objects.filter(pk__gt=reached).order_by("pk").only("text")[:AT_ONCE]):
        message_index.replace((row.pk, row.text) for row in rows if row.text)
        reached = rows[-1].pk
        say(f"messages up to {reached:,}")
