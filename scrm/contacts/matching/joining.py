"""The merges behind decisions: the one place where matching leads to merging."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from scrm.contacts.models import Contact, Merge


def _merging() -> Any:
    # Merging tells matching of merges that are made elsewhere, so neither can need the other to be imported.
    return importlib.import_module("scrm.contacts.merging")


def merge(
    people: Collection[int], survivor: int | None, *, by: AbstractUser, choices: Mapping[int, Mapping[str, Any]], reason: str
) -> list[Merge]:
    """All of them become one. The survivor is the oldest when none is named."""
    rows = {row.pk: row for row in Contact.objects.filter(pk__in=people).order_by("pk")}
    lead = survivor if survivor in rows else min(rows, default=0)
    if lead not in rows or len(rows) < 2:
        raise ValidationError(_("These records are no case any more: they were changed or decided meanwhile."))
    merging = _merging()
    duplicates = [row for pk, row in rows.items() if pk != lead]
    try:
        return list(merging.merge_many(rows[lead], duplicates, by=by, choices=dict(choices), reason=reason, in_case=True))
    except merging.CannotMerge as error:
        raise ValidationError(str(error)) from error


def undo_among(people: Collection[int], *, by: AbstractUser, since: datetime | None) -> None:
    """Take back the merges among these contacts, the latest first."""
    merging = _merging()
    rows = Merge.objects.filter(survivor_id__in=people, duplicate_id__in=people, undone_at=None).order_by("-merged_at", "-pk")
    try:
        for row in rows:
            merging.undo(row, by=by, in_case=True)
    except merging.CannotUndo as error:
        raise ValidationError(str(error)) from error
