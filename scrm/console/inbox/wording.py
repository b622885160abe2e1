"""Plain words for agents: what a kind of message is called, who caused one, what a rule of the law means."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from scrm.connections import services as connections
from scrm.connections.models import Connection
from scrm.connections.sentences import plain, worded
from scrm.conversations.models import Message

UNKNOWN_QUOTE = _("A message that is not stored here")

KINDS: dict[str, str | Promise] = {
    "image": _("picture"),
    "video": _("video"),
    "audio": _("voice message"),
    "document": _("document"),
    "sticker": _("sticker"),
    "location": _("location"),
    "contacts": _("contact card"),
    "button": _("button answer"),
    "interactive": _("answer"),
    "order": _("order"),
    "reaction": _("reaction"),
    "template": _("template"),
    "system": _("notice of the platform"),
    "edit": _("changed message"),
    "revoke": _("withdrawn message"),
    "unsupported": _("unsupported message"),
}


def kind_name(kind: str) -> str:
    return str(KINDS.get(kind, kind))


# Why the product itself did not send, by what stands where else a platform's code stands, with what there is to do.
WAITS_FOR_CONNECTION = frozenset({"unreachable", "needslogin", "misconfigured"})
_MENDED = _("Tell an administrator; it goes out by itself once the connection is in order.")
OWN_CODES: dict[str, str | Promise] = {
    "unreachable": _("It goes out by itself once the connection is back; if that takes long, tell an administrator."),
    "needslogin": _MENDED,
    "misconfigured": _MENDED,
    "expired": _("Send it again if it is still wanted."),
    "file_missing": _("Attach the file again."),
    **dict.fromkeys(("interrupted", "restored", "given_up", "trylater", "outcomeunknown", "rejected", "gone"), ""),
}


def failure(connection: Connection, message: Message) -> tuple[str, str]:
    """What went wrong and what to do; the platform's own words are kept when its code says nothing to us."""
    if message.error_title and not message.error_code.isdigit():
        return plain(message.error_title), str(OWN_CODES.get(message.error_code, ""))
    sentence, advice = connections.explain_error(connection, message.error_code)
    return sentence or plain(message.error_title) or gettext("The platform did not take the message."), advice


def small_print(message: Message, problem: str, *, causes: bool) -> str:
    """Below a failure: the platform's code and words unless `problem` says them; `causes`: also what broke inside the program."""
    code = "" if message.error_code in OWN_CODES and not causes else message.error_code
    words = (worded if causes else plain)(message.error_title).removeprefix(f"{problem}: ")
    return " · ".join(part for part in (code, "" if words == problem else words) if part)


def cause(message: Message, rule_name: str) -> str:
    """Who spoke, for everything that no agent wrote; empty for an agent's message."""
    if message.cause.startswith("survey:"):
        return gettext("Satisfaction survey")
    if message.source == Message.Source.RULE:
        return gettext("Automation: %(rule)s") % {"rule": rule_name} if rule_name else gettext("Automation")
    if message.source in {Message.Source.CAMPAIGN, Message.Source.API, Message.Source.PHONE_APP}:
        return capfirst(str(Message.Source(message.source).label))
    return ""


MOMENTS: dict[str, str | Promise] = {"queue": _("when it was written"), "send": _("just before sending")}
QUALITIES: dict[str, str | Promise] = {"GREEN": _("good"), "YELLOW": _("middling"), "RED": _("poor"), "UNKNOWN": _("not rated yet")}


def moment_name(moment: str) -> str:
    return str(MOMENTS.get(moment, moment))


def asker_name(source: str) -> str:
    """Who wanted to send: a message's source in words."""
    return str(dict(Message.Source.choices).get(source, source))


def category_name(category: str) -> str:
    """A template's category; platforms write it in capitals."""
    return str(dict(Message.Category.choices).get(category.lower(), category))


def quality_name(quality: str) -> str:
    return str(QUALITIES.get(quality.upper(), quality))


def item_name(kind: str) -> str:
    """What a received item is, for example `status.read` or `message.image`."""
    area, _dot, rest = kind.partition(".")
    if area == "status":
        return gettext("Status: %(state)s") % {"state": dict(Message.State.choices).get(rest, rest)}
    if area == "message":
        return gettext("Message: %(kind)s") % {"kind": gettext("text") if rest == "text" else kind_name(rest)}
    return kind
