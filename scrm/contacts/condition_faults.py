"""What is wrong with a condition, in the reader's language; `conditions.check` says it in English."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext

from scrm.contacts.conditions import Fault


def worded(faults: Iterable[Fault]) -> list[str]:
    return [gettext(fault.text) % fault.values for fault in faults]
