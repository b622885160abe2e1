"""What an empty list says: what will stand there, and what to do so that it does."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

# By the model's label. A list that is not named here says only that it is empty.
EMPTY = {
    "contacts.contact": gettext_noop(
        "Whoever writes to one of your numbers appears here by itself. People you know already come in by an import."
    ),
    "contacts.matchrules": gettext_noop(
        "The built-in rules are at work. Add rules of your own to weigh evidence otherwise, for all numbers or for one."
    ),
    "contacts.merge": gettext_noop("Nobody was merged yet. Proposals wait under Duplicates; each merge can be undone here."),
    "contacts.identity": gettext_noop("Every number and account of a customer appears here with the first message or import."),
    "contacts.numbersettlement": gettext_noop("What was decided about numbers that fit more than one country is kept here."),
    "contacts.identitycase": gettext_noop(
        "Addresses that several people seem to use, or that came back with somebody else, are asked about here."
    ),
    "contacts.erasure": gettext_noop("Nobody was erased. An erasure is asked for on the page of the person, under Privacy."),
    "commerce.order": gettext_noop("Orders that are entered here stand beside the chat and in answers about a delivery."),
    "commerce.coupon": gettext_noop("Codes that templates, rules and agents gave to customers are listed here, and which were used."),
    "commerce.product": gettext_noop("Products that are entered here are recognised when a customer names them."),
    "campaigns.segment": gettext_noop("A segment is a saved audience: people by country, tag, consent or last contact."),
    "conversations.message": gettext_noop("Every message, received or sent, is listed here with its state."),
    "conversations.latermessage": gettext_noop(
        "Messages that agents schedule with the clock beside “Send” are listed here until they go, and why one is held back."
    ),
    "conversations.decision": gettext_noop("Each send that was allowed, put off or refused is kept here with its reason."),
    "conversations.attachment": gettext_noop("Pictures and files that customers send appear here, and whether they could be fetched."),
    "conversations.quickreply": gettext_noop("Write answers that come up often once; agents take them with / and a few letters."),
    "console.macro": gettext_noop("A macro does several things in one click: answer, tag, hand on, close."),
    "conversations.surveyplan": gettext_noop(
        "Add one for each number whose customers shall be asked how satisfied they were after a chat."
    ),
    "conversations.messageprice": gettext_noop(
        "Enter what the platform charges for each country and kind of template, and costs are shown before sending."
    ),
    "conversations.messagetemplate": gettext_noop(
        "Templates are read from the platform by itself. Connect a WhatsApp number, or write a new one here."
    ),
    "automation.rule": gettext_noop(
        "A rule answers, tags or hands on by itself. It can be tried on old messages before it is switched on."
    ),
    "automation.run": gettext_noop("Every time a rule was asked is kept here, also when it did nothing, with the reason."),
    "tags.tag": gettext_noop("Tags sort conversations and people. Tag rules give them by themselves, agents by hand."),
    "tags.tagrule": gettext_noop("A tag rule finds keywords in messages, in every language that you list, and keeps the evidence."),
    "connections.connection": gettext_noop("Nothing is connected yet. “Connect something” in the menu leads through it step by step."),
    "connections.alert": gettext_noop("Nothing was ever wrong. Alerts say here what happened and what to do."),
    "sync.pull": gettext_noop("What people change in the CRM is read every few minutes and listed here."),
    "sync.syncconflict": gettext_noop("When a field was changed on both sides at once, it is asked here which side is right."),
    "sync.push": gettext_noop("Each record that is written to a CRM is listed here, with what it waits for."),
    "sync.externalrecord": gettext_noop(
        "Which of our records is which record in the CRM. Filled by the first writes after a CRM went live."
    ),
    "sync.postalcompletion": gettext_noop("Postal codes that were completed from an address are listed here and can be taken back."),
    "sync.fieldmapping": gettext_noop("Which field here is which field in the CRM. Connecting a CRM proposes a mapping."),
    "hooks.endpoint": gettext_noop("Add the address of a program of yours, and it is told of messages, tags and changes as they happen."),
    "hooks.delivery": gettext_noop("Each notice to an outgoing webhook is listed here with the answer it got."),
    "api.partnertoken": gettext_noop("A token lets a partner's program read or write through the API, within the scopes you choose."),
    "staff.team": gettext_noop("A team shares numbers and gets their new conversations."),
    "staff.businesshours": gettext_noop(
        "Without business hours waiting times run day and night. Add the hours of a place and choose them in its teams."
    ),
    "staff.shift": gettext_noop("Without shifts everybody counts as at work whenever they are logged in. Add who works when."),
    "core.auditentry": gettext_noop("Log-ins, exports, changes of rights and other delicate acts are kept here."),
    "core.backuprun": gettext_noop("Each backup is listed here with its size and whether it could be read back."),
    "core.heartbeat": gettext_noop("No worker has reported: nothing is sent or received. Start one with: manage.py up --only worker"),
}
# What the menu leads to: a list that is filtered already. Empty is good news there.
ASKED = {
    "contacts.identity": ({"repair": "1"}, gettext_noop("No number has to be repaired.")),
    "contacts.identitycase": ({"state": "open"}, gettext_noop("No address waits for a decision.")),
    "connections.alert": ({"open": "1"}, gettext_noop("Nothing is wrong at the moment.")),
    "sync.syncconflict": ({"state": "open"}, gettext_noop("No difference waits for a decision.")),
}


def of_list(label: str, asked: dict[str, Any], query: str) -> tuple[str, str]:
    """The heading and the sentence of a list without rows. `asked` holds the filters of its address, `query` the words searched for."""
    filters, good_news = ASKED.get(label, (None, ""))
    if good_news and not query and {name: str(value) for name, value in asked.items()} == filters:
        return _(good_news), _("Reset the filters to see what was settled.")
    if query or asked:
        return _("Nothing fits"), _("Search for less, or reset the filters.")
    return _("Nothing here yet"), _(EMPTY[label]) if label in EMPTY else ""
