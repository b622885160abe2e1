"""Evidence in sentences, in the reader's language: from the code and what was compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from scrm.contacts.matching.rarity import HEARD, PARTLY, SPELLED, WRITTEN

_SENTENCES = {
    "name_same": _("the same name"),
    "name_sound": _("the same name in another script or spelling"),
    "name_english": _("the same family name and English name, or a short form of it"),
    "name_near": _("nearly the same name"),
    "name_given": _("the same given name; one record has no family name"),
    "name_family": _("the same family name; one record has no given name to compare"),
    "name_unknown": _("the names say nothing"),
    "name_given_differs": _("the same family name, another given name"),
    "name_family_only_differs": _("the same given name, another family name"),
    "name_different": _("different names"),
    "same_phone": _("the same number %(value)s"),
    "same_fixed_line": _("the same fixed line %(value)s, which a household or a company may share"),
    "possible_phone": _("a number that can be read as the same, %(value)s"),
    "near_phone": _("numbers that differ in one place: %(value)s, %(other)s"),
    "shared_phone": _("%(value)s is used by several people and proves nothing"),
    "different_phone": _("different numbers"),
    "same_email": _("the same e-mail address %(value)s"),
    "near_email": _("e-mail addresses that differ in one place: %(value)s, %(other)s"),
    "shared_email": _("%(value)s is used by several people and proves nothing"),
    "different_email": _("different e-mail addresses"),
    "email_says_name": _("the e-mail address of one spells the name of the other"),
    "same_id": _("the same customer number %(value)s"),
    "near_id": _("customer numbers that differ in little: %(value)s, %(other)s"),
    "different_id": _("different customer numbers"),
    "same_username": _("the same username %(value)s"),
    "different_user_id": _("two accounts on the same platform"),
    "no_purchase_in_common": _("no purchase in common"),
    "other_purchases": _("each also bought what the other did not"),
    "same_day": _("both bought %(sku)s on the same day"),
    "same_birthday": _("the same birthday %(value)s"),
    "near_birthday": _("birthdays that differ in one place: %(value)s, %(other)s"),
    "different_birthday": _("different birthdays: %(value)s, %(other)s"),
    "same_company": _("the same company"),
    "different_company": _("different companies"),
    "same_address": _("the same address"),
    "near_address": _("nearly the same address"),
    "different_address": _("different addresses"),
    "same_postal_code": _("the same postal code"),
    "different_postal_code": _("different postal codes"),
    "same_city": _("the same city"),
    "different_city": _("different cities"),
    "different_country": _("different countries: %(value)s, %(other)s"),
    "crowd": _("among %(contacts)s contacts some are alike by chance"),
    "number_of_another_country": _("numbers or addresses of different countries"),
    "same_country": _("the same country"),
    "different_gender": _("addressed as a man here, as a woman there"),
    "another_name_on_number": _("different names on one number: perhaps a household or a company"),
    "another_name_on_email": _("different names on one e-mail address"),
    "birthday_and_home": _("born on the same day and at home in the same place"),
    "name_and_purchase": _("name and purchase agree"),
    "name_on_shared_phone": _("the same name on a shared number"),
    "another_record_agrees": _("record no. %(contact)s, most likely the same person as one of them, is like the other too"),
    "another_record_differs": _("record no. %(contact)s, most likely the same person as one of them, is not like the other"),
    "merged_in_crm": _("%(value)s has merged the two records into one"),
}
_PROBLEMS = {
    "between_50_and_100": _("Enter a number from 50 to 100."),
    "between_1_and_3650": _("Enter a number of days from 1 to 3650."),
    "between_1_and_99": _("Enter a number from 1 to 99."),
    "not_below_review": _("Enter a number that is not below the one from which people are asked, and at most 100."),
}


def sentence(item: Mapping[str, Any]) -> str:
    """One line of stored evidence, without its weight."""
    code, shown = str(item.get("code", "")), item.get("with") or {}
    if code == "same_sku":
        days = int(shown.get("days", 0))
        text = ngettext(
            "both bought %(sku)s, %(days)s day apart", "both bought %(sku)s, %(days)s days apart", days
        )  # fmt: skip
        return text % {"sku": shown.get("sku", ""), "days": days}
    if code == "more_skus":
        count = int(shown.get("count", 1)) - 1
        text = ngettext("%(count)s further purchase in common", "%(count)s further purchases in common", count)
        return text % {"count": count}
    if code == "days_apart":
        days = int(shown.get("days", 0))
        return ngettext("the two purchases lie %(days)s day apart", "the two purchases lie %(days)s days apart", days) % {"days": days}
    if code in {WRITTEN, SPELLED, HEARD, PARTLY, "sku_common"}:
        return _how_common(code, int(shown.get("contacts") or 0), item.get("for"))
    known = _SENTENCES.get(code)
    if known is None:
        return code.replace("_", " ")
    return str(known) % {"value": "", "other": "", "sku": "", "contact": "…", "contacts": "…", **shown}


def _how_common(code: str, contacts: int, speaks_for: bool | None) -> str:
    """`speaks_for` None: not of a pair. What counts is how common such names are beside others that are alike in this way."""
    if code == "sku_common":
        text = ngettext("%(contacts)s other contact bought this", "%(contacts)s other contacts bought this", contacts)
    elif speaks_for or (speaks_for is None and not contacts):
        return gettext("names so rare that hardly anybody else has them")
    elif not contacts:
        return gettext("names that a stranger may well have too")
    else:
        text = ngettext(
            "about %(contacts)s other contact is likely to have names so much alike",
            "about %(contacts)s other contacts are likely to have names so much alike",
            contacts,
        )
    return text % {"contacts": contacts}


def problem(code: str) -> str:
    return str(_PROBLEMS[code])
