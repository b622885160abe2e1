"""What a message says about another one: a changed text, a reaction. Told in any order, the outcome is that of the order of writing.

The message changed shows its newest text and keeps those before in `content["earlier"]`, a list of {"text", "at"}, oldest first, with
`content["edited_at"]`. A message reacted to holds `content["reactions"]`: {"contact:<id>" | "us": emoji}; a reaction that was taken back
is not in it. The rows that said so stay in the thread as they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q

from scrm.conversations import history
from scrm.conversations.models import Message
from scrm.conversations.search import message_index

EDIT, REACTION = "edit", "reaction"
# Which part of its content names the message that it is about.
NAMES = {EDIT: "original_id", REACTION: "message_id"}


def obey_amendments(messages: Sequence[Message]) -> None:
    """Apply what a new batch says about messages, and what was said before about messages that come late. In the batch's transaction.

    Call it before the conversations are brought forward: what comes out of order is known by their last message.
    """
    words = [message for message in messages if _about(message)]
    words += _said_before([message for message in messages if message.external_id and _is_late(message)], words)
    if not words:
        return
    targets = _targets(words, {message.pk: message for message in messages})
    changed: dict[int, Message] = {}
    for word in sorted(words, key=lambda each: (each.sent_at, each.pk)):
        for target in targets.get((word.connection_id, _about(word)), ()):
            if _apply(target, word):
                changed[target.pk] = target
    history.write(changed.values())
    message_index.replace((target.pk, target.text) for target in changed.values())


def _about(message: Message) -> str:
    """The platform's id of the message that this one is about; "" for all others."""
    name = NAMES.get(message.kind)
    return str(message.content.get(name) or "")[:200] if name else ""


def _is_late(message: Message) -> bool:
    return message.sent_at < message.conversation.last_message_at


def _said_before(late: Sequence[Message], known: Sequence[Message]) -> list[Message]:
    if not late:
        return []
    ids = {message.external_id for message in late}
    rows = Message.objects.filter(conversation__in={message.conversation_id for message in late}, kind__in=NAMES)
    rows = rows.exclude(pk__in=[message.pk for message in known]).select_related("conversation__identity")
    return [row for row in rows if _about(row) in ids]


def _targets(words: Iterable[Message], in_hand: dict[int, Message]) -> dict[tuple[int, str], list[Message]]:
    """The messages that are spoken of. A text is changed by its own side only; a reaction may be to either."""
    wanted = Q(pk__in=[])
    by_connection: dict[int, set[str]] = {}
    for word in words:
        by_connection.setdefault(word.connection_id, set()).add(_about(word))
    for connection_id, ids in by_connection.items():
        wanted |= Q(connection_id=connection_id, external_id__in=ids)
    found: dict[tuple[int, str], list[Message]] = {}
    for row in Message.objects.filter(wanted).order_by("pk"):
        found.setdefault((row.connection_id, row.external_id), []).append(in_hand.get(row.pk, row))
    return found


def _apply(target: Message, word: Message) -> bool:
    if target.pk == word.pk or target.content.get("withdrawn"):
        return False
    if word.kind == REACTION:
        return _react(target, word)
    return word.direction == target.direction and _edit(target, word)


def _edit(target: Message, word: Message) -> bool:
    """An older change that comes after a newer one only adds to what the message said before."""
    at = word.sent_at.isoformat()
    content: dict[str, Any] = dict(target.content)
    shown_since = str(content.get("edited_at") or target.sent_at.isoformat())
    earlier = [each for each in content.get("earlier") or [] if isinstance(each, dict)]
    if at >= shown_since:
        earlier.append({"text": target.text, "at": shown_since})
        inner = word.content.get("content")
        content.update(inner if isinstance(inner, dict) else {})
        target.text, content["edited_at"] = word.text, at
    else:
        earlier.append({"text": word.text, "at": at})
    content["earlier"] = sorted(earlier, key=lambda each: str(each.get("at", "")))
    target.content = content
    return True


def _react(target: Message, word: Message) -> bool:
    if _is_overtaken(word):
        return False
    who = "us" if word.direction == Message.Direction.OUT else f"contact:{word.conversation.identity.contact_id}"
    left = target.content.get("reactions")
    reactions = dict(left) if isinstance(left, dict) else {}
    emoji = str(word.content.get("emoji") or "")
    reactions.pop(who, None)
    target.content = {**target.content, "reactions": reactions | ({who: emoji} if emoji else {})}
    return True


def _is_overtaken(word: Message) -> bool:
    """True when the same side has reacted anew since."""
    if not _is_late(word):
        return False
    since = Message.objects.filter(
        conversation=word.conversation, kind=REACTION, direction=word.direction, sent_at__gt=word.sent_at, content__message_id=_about(word)
    )
    return since.exists()
