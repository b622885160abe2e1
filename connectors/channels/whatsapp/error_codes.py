"""What each error code of the Cloud API means and asks for, as facts.

Source: the platform's page of error codes (December 2025) with the codes that its change log added until August 2026.
A code arrives in the answer to a send, or days later in a failed status; it means the same in both. Titles and HTTP
statuses decide nothing: throttling, too, is answered with HTTP 400.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from connectors.errors import Remedy, Scope

Verdict = Literal["login", "setting", "later", "final", "gone"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """`explanation` and `advice` are sentences for an agent; `after`, `scope`, `times` count for `later`, `remedy` for `final`."""

    verdict: Verdict
    explanation: str
    advice: str
    after: timedelta = timedelta(0)
    scope: Scope = "message"
    times: int | None = None
    remedy: Remedy = "none"


def _login(explanation: str, advice: str) -> Meaning:
    return Meaning("login", explanation, advice)


def _setting(explanation: str, advice: str) -> Meaning:
    return Meaning("setting", explanation, advice)


def _final(explanation: str, advice: str, remedy: Remedy = "none") -> Meaning:
    return Meaning("final", explanation, advice, remedy=remedy)


def _later(explanation: str, advice: str, after: timedelta, times: int | None, scope: Scope = "message") -> Meaning:
    return Meaning("later", explanation, advice, after, scope, times)


def _fault(explanation: str, times: int = 3, after: timedelta = timedelta(minutes=5)) -> Meaning:
    """A passing fault over there: the product's ordinary rule, three times, five minutes apart."""
    return _later(explanation, "Nothing to do; it is sent again by itself.", after, times)


SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
_LOG_IN_AGAIN = "Enter a new access token on the connection's page; waiting messages are kept."
_ASK_ADMIN = "Ask an administrator to look at the account in the WhatsApp Manager; sending is paused."
_PERMISSION = "Give the app its WhatsApp permissions again in the business settings."
_CORRECT_TEMPLATE = "Refresh the templates and correct the values that are filled in."

PERMISSION_RANGE = range(200, 300)
# Documented with HTTP 5xx, yet a decision and no breakdown: each names a state of the account or template that was looked at first.
DECIDED_WITH_5XX = frozenset({3, 131045, 131057, 133000, 134102})
PERMISSION_DENIED = _setting("A permission that this call needs was not granted.", _PERMISSION)

MEANINGS: dict[int, Meaning] = {
    0: _login("WhatsApp could not authenticate the app: the access token is invalid or expired.", _LOG_IN_AGAIN),
    1: _fault("WhatsApp reports an unknown problem with the request or on its side.", times=2),
    2: _fault("WhatsApp is temporarily down or overloaded."),
    3: _setting("The app lacks a capability or permission.", _PERMISSION),
    4: _later("The app has made too many calls.", "Nothing to do; sending goes on after the pause.", 5 * MINUTE, None, "connection"),
    10: _setting("A permission was not granted or has been withdrawn.", _PERMISSION),
    33: _setting("The business phone number was deleted.", "Correct the phone number id on the connection's page."),
    100: _final("WhatsApp did not accept a value of the request.", "Check the content; for a file, ask for it again or upload it anew."),
    190: _login("The access token has expired or was withdrawn.", _LOG_IN_AGAIN),
    368: _setting("The account is blocked for a time because of policy violations.", _ASK_ADMIN),
    80007: _later(
        "The account's hourly quota of requests is used up.",
        "Nothing to do; sending goes on after the pause.",
        5 * MINUTE,
        None,
        "connection",
    ),
    130429: _later("The number's sending speed is reached.", "Nothing to do; sending goes on in seconds.", 10 * SECOND, None, "connection"),
    130472: _final("WhatsApp holds this person in an experiment and delivers no marketing.", "Do not send this marketing message again."),
    130497: _final("The account may not message people of this country.", "Leave the country out; reach the person another way."),
    131000: _fault("WhatsApp failed for an unknown reason."),
    131005: _setting("Access was denied.", _PERMISSION),
    131008: _final("A required value was missing from the request.", "Report it: the message was put together wrongly."),
    131009: _final("A value was not valid, or the message referred to is unknown.", "Check the content, then write the message anew."),
    131016: _fault("A service of WhatsApp is unavailable."),
    131021: _final("The recipient is the sending number itself.", "Choose another recipient."),
    131026: _final(
        "The message cannot be delivered: no WhatsApp at this number, an old app, terms not accepted, or blocked.",
        "Reach the person another way and check the number.",
        "mark_address",
    ),
    131030: _final("A test number may write to listed recipients only.", "Add the recipient to the test number's list."),
    131031: _setting("The account is locked, or its verification data is wrong.", _ASK_ADMIN),
    131037: _setting("The number's display name is not approved.", "Have the display name approved in the WhatsApp Manager."),
    131042: _setting("There is a problem with the account's payment.", "Correct the payment method in the WhatsApp Manager."),
    131045: _setting("The number's registration failed.", "Register the number again."),
    131047: _final(
        "More than 24 hours have passed since the person last wrote.",
        "Send an approved template; a reply opens the window again.",
        "use_template",
    ),
    131048: _final(
        "Too many of this number's messages were blocked or reported.",
        "Campaigns are stopped; check the number's quality.",
        "pause_campaigns",
    ),
    131049: _later(
        "WhatsApp limits how much marketing one person gets.", "Wait at least a day; do not write the same again sooner.", 24 * HOUR, 1
    ),
    131050: _final(
        "The person has stopped marketing messages from this business.", "Send no marketing; the opt-out is recorded.", "opt_out"
    ),
    131051: _final("This type of message is not supported.", "Send it as another type, or ask the person to."),
    131052: _final("A received file could not be fetched; it may be above 100 MB.", "Ask the person to send it again."),
    131053: _final("The file was not accepted: its type, size or codec.", "Convert the file or choose another.", "fix_media"),
    131055: _final("This way of sending takes marketing templates only.", "Send it as an ordinary message."),
    131056: _later(
        "Too many messages to this one person in a short time.",
        "Nothing to do; this person waits, others go on.",
        4 * SECOND,
        5,
        "recipient",
    ),
    131057: _later(
        "The account is in maintenance for about a minute.", "Nothing to do; it is sent again by itself.", 2 * MINUTE, 3, "connection"
    ),
    131059: _later("A long list changed while it was read.", "Nothing to do; it is read again from the start.", timedelta(0), 1),
    131060: _final("The message came from a companion device that cannot share it.", "Look at the message in the phone app."),
    131062: _final("This kind of message needs the person's phone number.", "Ask for the number, or send another kind.", "use_phone"),
    131063: _final(
        "Marketing templates are switched off for this way of sending.", "Switch them on, or use the marketing messages interface."
    ),
    131064: _final(
        "The sending limit was cut because templates were in a wrong category.", "Correct the templates' categories.", "pause_campaigns"
    ),
    132000: _final("The number of values does not match the template.", _CORRECT_TEMPLATE, "fix_template"),
    132001: _final(
        "The template does not exist in this language or is not approved.", "Refresh the templates and choose another.", "fix_template"
    ),
    132005: _final("The filled-in template is too long.", "Shorten the values.", "fix_template"),
    132007: _final("The template's content breaks a policy.", "Change the template and have it approved.", "fix_template"),
    132008: _final("A value of the template is not valid.", _CORRECT_TEMPLATE, "fix_template"),
    132012: _final("A value has another format than the template asks for.", _CORRECT_TEMPLATE, "fix_template"),
    132015: _final("The template is paused because people rated it low.", "It is held until WhatsApp releases it.", "hold_template"),
    132016: _final("The template is disabled for good.", "Write a new template.", "fix_template"),
    132018: _final("The template's values are not valid.", _CORRECT_TEMPLATE, "fix_template"),
    132068: _final("The flow is blocked.", "Correct the flow in the WhatsApp Manager."),
    132069: _later("The flow is slowed down to ten messages an hour.", "Nothing to do; it is sent in an hour.", HOUR, 3),
    133000: _fault("An earlier deregistration of the number is incomplete."),
    133004: _fault("WhatsApp's server is temporarily unavailable."),
    133005: _setting("The two-step PIN is wrong.", "Enter the right PIN, or reset it."),
    133006: _setting("The number must be verified again.", "Verify the number in the WhatsApp Manager."),
    133008: _later("The two-step PIN was wrong too often.", "Wait as long as the details say.", HOUR, 3, "connection"),
    133009: _later("The two-step PIN was entered too fast.", "Wait as long as the details say.", 5 * MINUTE, 3, "connection"),
    133010: _setting("The number is not registered on the platform.", "Register the number."),
    133015: _later(
        "The number was deleted a moment ago.", "Nothing to do; it is tried again in five minutes.", 5 * MINUTE, 3, "connection"
    ),
    133016: _later(
        "The number was registered or deregistered too often.", "Wait until WhatsApp lifts the block.", HOUR, None, "connection"
    ),
    134011: _setting("The terms of payments are not accepted.", "Accept the terms in the WhatsApp Manager."),
    134100: _final("This way of sending takes marketing templates only.", "Send it as an ordinary template.", "fix_template"),
    134101: _later("The new template is still being made ready.", "Nothing to do; it is sent in ten minutes.", 10 * MINUTE, 3),
    134102: _final("The template cannot be sent through the marketing interface.", "Send it as an ordinary template.", "fix_template"),
    135000: _final("WhatsApp did not accept the request, without saying which value.", "Check the content, then send it once more."),
    137000: _final("The person's identity has changed since it was last confirmed.", "Ask the person to confirm who they are."),
    2388019: _final("The account has reached its number of templates.", "Delete templates that are no longer used.", "fix_template"),
    2388040: _final("A field of the template is too long.", "Shorten the template.", "fix_template"),
    2388047: _final("The template's header has a wrong format.", "Correct the header.", "fix_template"),
    2388072: _final("The template's body has a wrong format.", "Correct the body.", "fix_template"),
    2388073: _final("The template's footer has a wrong format.", "Correct the footer.", "fix_template"),
    2388293: _final("The template has too many variables for its length.", "Write more text, or use fewer variables.", "fix_template"),
    2388299: _final("A variable stands at the start or the end of the template.", "Put words before and after it.", "fix_template"),
    2593107: _final("The history of this number was already asked for; that works once.", "Nothing to do."),
    2593108: _final("The history must be asked for within 24 hours of connecting.", "Connect the number again if the history is needed."),
    2593109: _final("The business has switched off sharing its history.", "Switch it on in the phone app and connect again."),
}
