"""Messages whose text lies in a block of history look like any other.

fetched in a set   `MessageQuerySet` fills text and content of all of them with one query more for each set (or chunk of one)
fetched alone      by a foreign key or a join: the two are deferred fields, filled when they are asked for
saved              the two are left out, unless somebody changed them or names them; then the message leaves its block
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models.query import ModelIterable

from scrm.conversations import blocks
from scrm.conversations.blocks import Said

if TYPE_CHECKING:
    from scrm.conversations.models import Message

logger = logging.getLogger(__name__)

SAID = ("text", "content")
AT_ONCE = 1000
_ABSENT = object()


class KeptInBlocks(models.Model):
    """The part of `Message` that knows of blocks.

    `_in_row`: what the row itself says, until it is filled; `_filled`: what was filled in.
    """

    # Without a constraint or an index: a table of ten million rows takes the column at once, and blocks are found by conversation and
    # removed by history.py alone.
    block = models.ForeignKey(
        "conversations.HistoryBlock",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )

    class Meta:
        abstract = True

    @classmethod
    def from_db(cls, db: str | None, field_names: Any, values: Any, **more: Any) -> Any:  # type: ignore[override]
        row = super().from_db(db, field_names, values, **more)
        known = row.__dict__
        if known.get("block_id", _ABSENT) is not None:
            # In a block, or the block was not asked for.
            in_row = {name: known.pop(name) for name in SAID if name in known}
            if in_row:
                known["_in_row"] = in_row
        return row

    def refresh_from_db(self, using: Any = None, fields: Any = None, from_queryset: Any = None) -> None:
        if fields is not None:
            wanted = [name for name in fields if name in SAID]
            fields = [name for name in fields if name not in SAID]
            if wanted:
                _fill_alone(self, wanted)
            if not fields:
                return
        super().refresh_from_db(using=using, fields=fields, from_queryset=from_queryset)
        if fields is None and self.__dict__.get("block_id", _ABSENT) is not None:
            for name in (*SAID, "_in_row", "_filled"):
                self.__dict__.pop(name, None)

    def save(self, *, force_insert: Any = False, force_update: bool = False, using: Any = None, update_fields: Any = None) -> None:  # type: ignore[override]
        given: dict[str, Any] = {"force_insert": force_insert, "force_update": force_update, "using": using}
        writes = self._says_anew() if update_fields is None else not set(SAID).isdisjoint(update_fields)
        if self._state.adding or not writes:
            super().save(**given, update_fields=self._all_but_said() if update_fields is None else update_fields)
            return
        from scrm.conversations import history

        with transaction.atomic():
            take_out(self)
            super().save(**given, update_fields=None if update_fields is None else {*update_fields, *SAID, "block"})
            history.forget([self.pk])

    def _all_but_said(self) -> list[str] | None:
        """What a save that names nothing writes of a message in a block: all that is loaded, but not what was filled in."""
        if self._state.adding or self.__dict__.get("block_id") is None:
            return None
        fields = [field.attname for field in self._meta.concrete_fields if not field.primary_key]
        return [name for name in fields if name in self.__dict__ and name not in SAID]

    def _says_anew(self) -> bool:
        """Whether text or content of a message in a block was changed here."""
        known = self.__dict__
        if known.get("block_id") is None:
            return False
        filled = known.get("_filled", {})
        return any(name in known and known[name] is not filled.get(name, _ABSENT) for name in SAID)


def take_out(row: Any) -> None:
    """In memory: both have their values, and belong into the row again."""
    said = {name: getattr(row, name) for name in SAID}
    row.block = None
    for name in ("_in_row", "_filled"):
        row.__dict__.pop(name, None)
    row.__dict__.update(said)


class FilledIterable(ModelIterable):
    """Instances as of any queryset, a thousand at a time, those of blocks filled."""

    def __iter__(self) -> Iterator[Any]:
        rows = super().__iter__()
        while part := list(islice(rows, AT_ONCE)):
            fill(part)
            yield from part


def fill(rows: Iterable[Message]) -> None:
    """Text and content of those whose block is known, with one query; others and those already filled are passed over."""
    packed = [row for row in rows if "_in_row" in row.__dict__ and row.__dict__.get("block_id") is not None]
    if not packed:
        return
    said = read_blocks({row.block_id for row in packed})  # type: ignore[misc]
    moved = [row for row in packed if row.pk not in said]
    if moved:
        said |= _read_again([row.pk for row in moved])
    for row in packed:
        _put(row, said.get(row.pk))


def _put(row: Any, said: Said | None) -> None:
    in_row: dict[str, Any] = row.__dict__.pop("_in_row")
    values = {"text": "", "content": {}, **in_row} if said is None else dict(zip(SAID, said, strict=True))
    filled = {name: values[name] for name in in_row}
    row.__dict__.update(filled)
    row.__dict__["_filled"] = {**row.__dict__.get("_filled", {}), **filled}


def read_blocks(ids: Iterable[int]) -> dict[int, Said]:
    """What the messages of these blocks say. A damaged block is passed over and told of: what else is there is still shown."""
    from scrm.conversations.models import HistoryBlock

    found: dict[int, Said] = {}
    for pk, body, sha256 in HistoryBlock.objects.filter(pk__in=list(ids)).values_list("pk", "body", "sha256"):
        try:
            found |= blocks.unpack(bytes(body), sha256=sha256)
        except blocks.Damaged as error:
            logger.error("block of history %s cannot be read, restore it from a backup: %s", pk, error)
    return found


def _read_again(ids: Sequence[int]) -> dict[int, Said]:
    """What messages say that left their block between the two reads."""
    from scrm.conversations.models import Message

    plain: models.QuerySet[Message] = models.QuerySet(Message)
    rows = plain.filter(pk__in=ids, block=None).values_list("pk", *SAID)
    return {pk: (text, content) for pk, text, content in rows}


def _fill_alone(row: Any, names: Sequence[str]) -> None:
    from scrm.conversations.models import Message

    plain: models.QuerySet[Message] = models.QuerySet(Message)
    block_id, *in_row = plain.values_list("block_id", *SAID).get(pk=row.pk)
    said = dict(zip(SAID, in_row, strict=True))
    if block_id is not None:
        found = read_blocks([block_id])
        found = found if row.pk in found else _read_again([row.pk])
        said = dict(zip(SAID, found[row.pk], strict=True)) if row.pk in found else said
    row.__dict__.pop("_in_row", None)
    row.__dict__.setdefault("block_id", block_id)
    for name in names:
        row.__dict__[name] = said[name]
    if row.__dict__["block_id"] is not None:
        row.__dict__["_filled"] = {**row.__dict__.get("_filled", {}), **{name: said[name] for name in names}}


def filled_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows as dictionaries with id, block_id, text and content: filled, without block_id."""
    rows = iter(rows)
    while part := [dict(row) for row in islice(rows, AT_ONCE)]:
        packed = {row["block_id"] for row in part if row["block_id"] is not None}
        said = read_blocks(packed) if packed else {}
        for row in part:
            if row.pop("block_id") is not None and row["id"] in said:
                row["text"], row["content"] = said[row["id"]]
            yield row
