"""Deals, cases and orders of theirs that belong to nobody here, and deals and cases that belong to several: they are left alone, and
listed so that people can see them.

Each is a row among the reads; it goes off the list when the record is taken over or deleted there. It is read again when one of its
people is linked, or when all of them were merged into one (`awaiting`), and whenever a person says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scrm.core import clock
from scrm.core.rows import insert_or
from scrm.sync import awaiting
from scrm.sync.applying import Applied
from scrm.sync.inlet import Inlet
from scrm.sync.kinds import Kind
from scrm.sync.models import Pull
from scrm.sync.persons_there import WHOSE


def is_left(kind: str, done: Applied) -> bool:
    """Whether it is left alone for want of a person. What is not wanted here, or was erased, is on no list."""
    return kind != Kind.CONTACT and done.left and done.reason in WHOSE


def note(inlet: Inlet, done: Sequence[Applied]) -> None:
    """Of a page, in the caller's transaction: put on the list what is left alone, take off what was taken over.

    What is read again anyway, or was discarded by a person, stays as it is; one that is on the list already costs no write.
    """
    if inlet.kind == Kind.CONTACT:
        return
    forget(inlet, [each.external_id for each in done if not each.reason])
    now = clock.now()
    rows = [
        Pull(
            connection=inlet.connection,
            kind=inlet.kind,
            external_id=each.external_id[:100],
            state=Pull.State.LEFT,
            due_at=now,
            asked_at=now,
            last_error=each.reason[:500],
        )
        for each in sorted(done, key=lambda each: each.external_id)
        if is_left(inlet.kind, each)
    ]
    if rows:
        insert_or(
            Pull,
            rows,
            "ON CONFLICT (connection_id, kind, external_id) DO UPDATE SET state = 'left', last_error = excluded.last_error "
            "WHERE sync_pull.state IN ('done', 'dead') OR (sync_pull.state = 'left' AND sync_pull.last_error <> excluded.last_error)",
        )
    remember(inlet, done)


def remember(inlet: Inlet, done: Iterable[Applied]) -> None:
    """For whom these wait, behind the rows of their reads."""
    awaiting.note(inlet.connection.pk, inlet.kind, {each.external_id[:100]: each.awaits for each in done if each.awaits})


def forget(inlet: Inlet, ids: Iterable[str]) -> None:
    """These are not left alone any more: taken over, or gone."""
    wanted = [each[:100] for each in ids] if inlet.kind != Kind.CONTACT else []
    if wanted:
        rows = Pull.objects.filter(connection=inlet.connection, kind=inlet.kind, external_id__in=wanted, state=Pull.State.LEFT)
        rows.update(state=Pull.State.DONE, last_error="", pulled_at=clock.now())
