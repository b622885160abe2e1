"""Sentences that workers and connectors say in English and people read in their own language.

What is stored stays readable English. `worded` finds the sentence in it again, with the values that were filled in, and says it in the
language of whoever reads. The translations lie in the catalogue beside this module; what is not found there is shown as it is.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from django.utils.translation import get_language, gettext

from scrm.connections.connector_sentences import OF_CONNECTORS
from scrm.connections.work_sentences import BEFORE_A_CAUSE, OF_WORK

FAILURES_IN_A_ROW = "%(count)s failures in a row, the last: %(error)s"
MOSTLY_FAILURES = "more than half of a minute's calls failed, the last: %(error)s"
MOVED_TO_PRIMARY = "the primary endpoint is used again"
MOVED_TO_STANDBY = "the standby endpoint is used from now on"
BAD_LOOKS = "%(count)s slow or failed looks in a row"
BAD_LOOKS_AT_STANDBY = "%(count)s slow or failed looks at the standby in a row, the primary answers"
GOOD_LOOKS = "%(count)s good looks in a row"
STANDBY_REMOVED = "the standby was removed"
RENEWED = "renewed"
TOLD_BY_PLATFORM = "told by the platform"
WITHOUT_CREDENTIALS = "It waits for its credentials; nothing is sent or read until they are entered on this page."
NOT_RENEWED_IN_TIME = "The access token could not be renewed in time; another worker has been trying"
NOT_RENEWED = "The access token could not be renewed"
QUALITY_IS = "quality %(quality)s"
SHARE_FAILED = "%(share)s of the last messages failed"
TEMPLATES_IN_TROUBLE = "%(count)s templates paused or flagged"
COMING_BACK = "coming back"
SPEED = "%(speed)s/s"
SPEED_WITHOUT_PROMOTIONS = "%(speed)s/s, no promotions"
PROMOTIONS_WAIT = "Promotions wait for a day. Look at the number's quality and at what was sent before they go on."
RESTORED = "The database was restored from a backup; what was sent since that backup is not known here."
RESTORED_ADVICE = "Look at campaigns under way and at messages with an unknown outcome, then let each number send again on its page."
BACKUP_LATE = "The last verified backup is older than 26 hours."
BACKUP_NEVER = "No backup has succeeded yet."
BACKUP_FAILED = "The backup failed: %(error)s"
BACKUP_DAMAGED = "%(count)s segments of earlier backups were damaged or missing; what is still in use was written anew."
BACKUP_ADVICE = "Look at the list of backups for the reason, mend it, and run manage.py backup."
CHATS_UNREAD = "%(label)s: %(count)s chats are unread."
CHATS_UNREAD_ADVICE = "Open the inbox and choose “Unread”."
SAMPLE_DIFFERS = "%(label)s: %(count)s of %(checked)s sampled records (%(kind)s) differ from the CRM."
SAMPLE_DIFFERS_ADVICE = "Open the sync page, look at what differs, and let a full comparison put it right."
BACKUP_DAMAGED_ADVICE = (
    "Look after the disk or the account that holds the backups; older backups may be incomplete. manage.py backup --check reads all."
)

# Those of connectors and of notices; the last ones are in the product's own catalogue.
FILLED = (
    FAILURES_IN_A_ROW, MOSTLY_FAILURES, BAD_LOOKS_AT_STANDBY, BAD_LOOKS, GOOD_LOOKS, QUALITY_IS, SHARE_FAILED, TEMPLATES_IN_TROUBLE,
    SPEED_WITHOUT_PROMOTIONS, SPEED, BACKUP_FAILED, BACKUP_DAMAGED,
    CHATS_UNREAD, SAMPLE_DIFFERS,
    "WhatsApp refused with code %(code)s, which is not in its published list.",
    "LINE refused with %(code)s, which is not in its published list.",
    "The gateway refused with code %(code)s, which is not in its list.",
    "No connection to %(host)s within %(seconds)s s",
    "No connection to %(host)s: refused, unknown name, or no trusted certificate",
    "%(host)s did not answer in time",
    "The connection to %(host)s broke before the answer was complete",
)  # fmt: skip
OF_NOTICES = (
    "WhatsApp has stopped this number: %(why)s", "This number is no longer connected at WhatsApp: %(why)s",
    "WhatsApp tells about this number: %(why)s", "%(label)s: LINE has suspended this account.",
)  # fmt: skip
PLAIN = (
    MOVED_TO_PRIMARY, MOVED_TO_STANDBY, STANDBY_REMOVED, RENEWED, TOLD_BY_PLATFORM, WITHOUT_CREDENTIALS, COMING_BACK, PROMOTIONS_WAIT,
    RESTORED, RESTORED_ADVICE, BACKUP_LATE, BACKUP_NEVER, BACKUP_ADVICE, BACKUP_DAMAGED_ADVICE,
    CHATS_UNREAD_ADVICE, SAMPLE_DIFFERS_ADVICE,
    "Look the code up in the WhatsApp Manager's help.",
    NOT_RENEWED_IN_TIME, NOT_RENEWED,
    "WhatsApp failed while it had the request; it may have been accepted",
    "WhatsApp's server failed",
    "WhatsApp asks to slow down",
    "WhatsApp refused without a reason that can be read",
    "WhatsApp does not know this id, or no longer",
    "LINE failed while it had the request; it may have been accepted",
    "LINE's server failed",
)  # fmt: skip

_VALUES = {
    "count": r"\d+",
    "checked": r"\d+",
    "kind": r"\w+",
    "type": r"\w+",
    "most": r"\d+",
    "id": r"\S+",
    "vendor": r"LINE|WhatsApp|HubSpot|Salesforce|Zoho|Google|[Tt]he (?:gateway|server|provider|receiver)",
    "share": r"\d+%",
    "speed": r"[\d.e+]+",
    "quality": r"\w+",
    "code": r"[\w-]+",
    "seconds": r"[\d.]+",
    "host": r"\S+",
}
# What people or another system called something, in whatever language; the rest may be sentences of ours.
_AS_IT_IS = frozenset({"name", "label", "text", "note", "id", "ids", "key", "host", "choices"})
# Of what a vendor says, so many parts are looked into: the first ones are ours, and every run of them is tried.
MOST_PARTS = 6
_PLACE = re.compile(r"%\((\w+)\)s")


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(sentence, _pattern(sentence)) for sentence in (*FILLED, *OF_NOTICES, *OF_WORK, *OF_CONNECTORS) if "%(" in sentence]


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = _PLACE.split(sentence)
    shape = "".join(f"(?P<{part}>{_VALUES.get(part, '.+')})" if odd % 2 else re.escape(part) for odd, part in enumerate(parts))
    return re.compile(shape, re.DOTALL)


def worded(text: str) -> str:
    """A stored sentence in the reader's language. What stands before or after a known sentence, set off by ': ', stays as it is."""
    language = get_language() or "en"
    return text if not text or language.startswith("en") else _said(text, language)


def each_worded(text: str) -> str:
    """As `worded`, of what may be several sentences, set off by '; '."""
    whole = worded(text)
    return whole if whole != text else "; ".join(map(worded, text.split("; ")))


def without_cause(text: str) -> str:
    """The sentence as it is stored, without what broke inside the program: for whoever does not look after it."""
    return next((sentence for sentence in BEFORE_A_CAUSE if text.startswith(f"{sentence}: ")), text)


def plain(text: str) -> str:
    """As `worded`, `without_cause`."""
    return worded(without_cause(text))


@lru_cache(maxsize=4096)
def _said(text: str, language: str) -> str:
    """In the active language, which is kept beside the text because lists show the same sentence on many rows."""
    whole = _known(text)
    if whole:
        return whole
    parts = text.split(": ", MOST_PARTS - 1)
    for length in range(len(parts) - 1, 0, -1):
        for start in range(len(parts) - length + 1):
            found = _known(": ".join(parts[start : start + length]))
            if found:
                return ": ".join([*parts[:start], found, *parts[start + length :]])
    return text


def _known(text: str) -> str:
    """The translation of a whole sentence, or "" for one that nobody knows."""
    said = gettext(text)
    if said != text:
        return said
    for sentence, pattern in _patterns():
        match = pattern.fullmatch(text)
        if match:
            return gettext(sentence) % {name: value if name in _AS_IT_IS else worded(value) for name, value in match.groupdict().items()}
    return ""
