"""What may go in numbers, by an erasure, an import taken back or the end of its time, is found by an index wherever it is referred to.

The database looks for rows that refer to one that goes, for each by itself: without an index that is a walk through the whole table.
"""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import models

from scrm.commerce.models import Order
from scrm.contacts.models import Contact, Event, Identity, ImportRow, Merge
from scrm.conversations.models import Conversation, Message
from scrm.tags.models import TagAssignment

GOING = (Contact, Identity, Event, ImportRow, Merge, Conversation, Message, Order, TagAssignment)


def references() -> list[models.ForeignKey]:
    """Every foreign key that the database holds to one of these."""
    fields = [field for model in apps.get_models(include_auto_created=True) for field in model._meta.local_fields]
    keys = [field for field in fields if isinstance(field, models.ForeignKey) and field.db_constraint]
    return [field for field in keys if field.related_model in GOING]


def is_reached(field: models.ForeignKey) -> bool:
    """By an index that begins with it and holds every row in which it is set."""
    if field.db_index or field.unique or field.primary_key:
        return True
    meta = field.model._meta
    whole = (None, models.Q(**{f"{field.name}__isnull": False}))
    rules = [each for each in meta.constraints if isinstance(each, models.UniqueConstraint)]
    first = [(index.fields, index.condition) for index in (*meta.indexes, *rules) if index.fields]
    first += [(together, None) for together in meta.unique_together]
    return any(fields[0].lstrip("-") == field.name and condition in whole for fields, condition in first)


@pytest.mark.parametrize("field", references(), ids=str)
def test_a_reference_is_reached_by_an_index(field: models.ForeignKey) -> None:
    assert is_reached(field), f"{field}: give it an index, or db_constraint=False"


def test_there_are_references() -> None:
    assert len(references()) > 40
