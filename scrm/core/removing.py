"""Many rows removed with all that hangs on them, by the rules of their models, in a fixed number of statements.

As the framework's `delete()`, without reading any row and without signals.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import models
from django.db.models import ProtectedError

from scrm.core.rows import among

Relation = tuple[str, str]


def remove_many(model: type[models.Model], pks: Collection[Any], *, none: Collection[Relation] = ()) -> None:
    """Call in a transaction. Raises `ProtectedError` when a row is held on to; then nothing must be committed.

    `none`: (model's label, field) of references of which the caller knows that there are none and which no index leads to.
    """
    if not pks:
        return
    for relation in _relations(model):
        if (relation.related_model._meta.label, relation.field.name) not in none:
            _follow(relation, pks, none)
    model._base_manager.filter(among(model, str(model._meta.pk.name), pks))._raw_delete(using="default")  # type: ignore[attr-defined]


def _relations(model: type[models.Model]) -> list[Any]:
    """In the order of their names, so that a person's events go before the addresses that they name."""
    found = [each for each in model._meta.get_fields(include_hidden=True) if each.auto_created and not each.concrete]
    theirs = [each for each in found if each.one_to_many or each.one_to_one]  # type: ignore[union-attr]
    return sorted(theirs, key=lambda each: each.related_model._meta.label)  # type: ignore[union-attr]


def _follow(relation: Any, pks: Collection[Any], none: Collection[Relation]) -> None:
    child, field, rule = relation.related_model, relation.field, relation.on_delete
    if rule is models.DO_NOTHING:
        return
    rows = child._base_manager.filter(among(child, field.name, pks))
    if rule is models.SET_NULL:
        rows.update(**{field.name: None})
    elif rule is models.CASCADE:
        if _relations(child):
            remove_many(child, list(rows.values_list("pk", flat=True)), none=none)
        else:
            rows._raw_delete(using="default")
    elif rows.exists():
        raise ProtectedError(f"{child._meta.label}.{field.name} holds on to rows of {field.related_model._meta.label}", set(rows[:5]))
