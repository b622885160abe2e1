"""Why a row, or a file, is not loaded, and what was done otherwise than asked: codes that are stored, words that are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from scrm.contacts import phone

WORDS: dict[str, Promise] = {
    "nobody": _("says nothing of a person: no name, no address, no partner's id"),
    "too_many_cells": _("has more cells (%(count)s) than there are columns: a comma or quote too many"),
    "encoding": _("holds a character that could not be read (�): choose another encoding"),
    "too_long": _("is longer than the %(longest)s characters that fit"),
    "email": _("is not an e-mail address: %(value)s"),
    "birthday": _("is not a date that can be read: %(value)s. Write it as 1990-12-31."),
    "birthday_order": _("may be two dates (day or month first?): %(value)s. Write it as 1990-12-31."),
    "birthday_range": _("is a day that cannot be a birthday: %(value)s"),
    "country": _("is no country that we know: %(value)s. Write its two letters, such as HK."),
    "language": _("is no language that we know: %(value)s. Write its code, such as zh-hant."),
    "time_zone": _("is no time zone: %(value)s. Write it as Asia/Tokyo."),
    "owner": _("there is no active user with this name: %(value)s"),
    "priority": _("must be low, normal or high: %(value)s"),
    "consent": _("must be yes or no: %(value)s"),
    "other_id": _("belongs to a person with another partner's id: %(value)s"),
    "shared": _("%(value)s is shared by several people: say by a name or a partner's id who is meant"),
    "erased": _("this person was erased: only a message of theirs can bring them back"),
    "custom": _("cannot be stored: %(value)s"),
    "refused": _("was refused: %(value)s"),
    # What follows was done otherwise than asked; the row is loaded.
    "repair_destroyed": _("%(value)s was destroyed by a spreadsheet, its last digits are lost: kept for repair, ask for the number again"),
    "repair_rounded": _("%(value)s ends in zeros as what a spreadsheet destroyed does: kept for repair, ask whether it is right"),
    "repair_several_regions": _("%(value)s fits several countries (%(numbers)s): kept for repair, choose one"),
    "repair_several": _("%(value)s holds several numbers: kept for repair, choose one"),
    "repair": _("%(value)s could not be read as a number: kept for repair"),
    "elsewhere": _("%(value)s belongs to somebody else (%(contact)s): left there, listed under addresses to look at"),
    "opted_out": _("this person has declined: stays declined"),
    "no_source": _("a yes needs to say where it was given: not taken"),
    "newer": _("a newer value stays: %(value)s"),
    # Why a row is not undone.
    "changed_since": _("was changed since (%(fields)s)"),
    "used_since": _("has been used since: %(what)s"),
    "merged_since": _("was merged since: undo the merge first"),
    "gone": _("is not there any more"),
}
REPAIRS = {
    phone.DESTROYED: "repair_destroyed",
    phone.ROUNDED: "repair_rounded",
    phone.SEVERAL_REGIONS: "repair_several_regions",
    phone.SEVERAL_NUMBERS: "repair_several",
}

Note = dict[str, Any]


def note(column: str, code: str, **more: Any) -> Note:
    return {"column": column, "code": code, **{key: value[:120] if isinstance(value, str) else value for key, value in more.items()}}


def worded(said: Mapping[str, Any]) -> str:
    """'E-mail: is not an e-mail address: mei@'."""
    form = WORDS.get(str(said.get("code")))
    if form is None:
        return str(said.get("code"))
    try:
        words = str(form) % said
    except KeyError:
        words = str(form)
    return f"{said['column']}: {words}" if said.get("column") else words
