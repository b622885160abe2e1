"""The search index over what was said."""

from __future__ import annotations

from scrm.conversations.models import Message
from scrm.core.search import SearchIndex

message_index = SearchIndex("conversations_search", Message)
