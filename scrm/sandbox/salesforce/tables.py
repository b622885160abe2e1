"""The stand-in's store in the sandbox's database: the tables of the sandbox CRM, under names of their own.

Records are `Record` rows of the type `salesforce:<object>`; made fields are `PropertyDefinition` rows; the account of number 2 holds the
credentials, the knobs (`faults`), and under `limits` the open sessions and the number of calls.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models.fields.json import KeyTransform
from django.utils import timezone

from scrm.sandbox.crm.models import Account, PropertyDefinition, Record
from scrm.sandbox.crm.records import atomic
from scrm.sandbox.salesforce.store import Held, id_of, number_of
from scrm.sandbox.salesforce.vocabulary import OBJECTS, Json
from scrm.sandbox.salesforce.wire import parsed

ACCOUNT = 2
BASE = "/sandbox/salesforce/api"
_KIND = "salesforce:"
_BY, _MASTER = "$by", "$master"
_SESSIONS_KEPT = 50


def account() -> Account:
    """The org; made with random credentials when it is asked for first."""
    found, _ = Account.objects.get_or_create(
        pk=ACCOUNT,
        defaults={
            "access_token": f"5Aep861.{secrets.token_hex(24)}",
            "client_secret": secrets.token_hex(32).upper(),
            "portal_id": 30_000_000 + secrets.randbelow(9_000_000),
        },
    )
    return found


def address() -> str:
    return f"{settings.SANDBOX_URL.rstrip('/')}{BASE}"


def connection_settings() -> dict[str, Any]:
    """What to enter in a client's connection form."""
    store = TableStore()
    own = store.credentials()
    return {
        "slug": "sandbox-salesforce",
        "label": "Sandbox Salesforce",
        "adapter": "salesforce",
        "settings": {"base_url": address(), "client_id": own["client_id"], "person_object": "Contact", "api_version": "67.0"},
        "secrets": {"client_secret": own["client_secret"]},
    }


class TableStore:
    """See `store.Store`."""

    def guard(self) -> AbstractContextManager[object]:
        return atomic()

    def credentials(self) -> dict[str, str]:
        own = account()
        return {"client_id": f"3MVG9.{own.portal_id}", "client_secret": own.client_secret, "refresh_token": own.access_token}

    def set_refresh(self, value: str) -> None:
        Account.objects.filter(pk=ACCOUNT).update(access_token=value[:80])

    def knobs(self) -> Json:
        return account().faults

    def set_knobs(self, knobs: Json) -> None:
        account()
        Account.objects.filter(pk=ACCOUNT).update(faults=dict(knobs))

    # --- records ------------------------------------------------------------------------------------------------------

    def add(self, sobject: str, values: Json, at: datetime, by: str) -> Held:
        row = Record.objects.create(object_type=_KIND + sobject, properties={**values, _BY: by}, created_at=at, updated_at=at)
        return _held(row)

    def save(self, held: Held, action: str) -> None:
        Record.objects.filter(pk=number_of(held.id), object_type=_KIND + held.sobject).update(
            properties={**held.values, _BY: held.modified_by, _MASTER: held.master},
            updated_at=held.modified_at,
            archived=held.deleted,
            archived_at=held.deleted_at,
        )

    def get(self, record_id: str) -> Held | None:
        try:
            number = number_of(record_id)
        except ValueError:
            return None
        row = Record.objects.filter(pk=number, object_type__startswith=_KIND).first() if number < 2**62 else None
        held = _held(row) if row is not None else None
        return held if held is not None and held.id[:15] == record_id[:15] else None

    def rows(self, sobject: str) -> Iterable[Held]:
        return [_held(row) for row in Record.objects.filter(object_type=_KIND + sobject).order_by("pk")]

    def by_value(self, sobject: str, name: str, value: str) -> list[Held]:
        rows = Record.objects.filter(object_type=_KIND + sobject, archived=False)
        rows = rows.annotate(looked_for=KeyTransform(name, "properties")).filter(looked_for=value).order_by("pk")
        return [_held(row) for row in rows]

    # --- fields -------------------------------------------------------------------------------------------------------

    def custom_fields(self, holder: str) -> list[Json]:
        rows = PropertyDefinition.objects.filter(object_type=_KIND + holder).order_by("pk")
        return [definition for row in rows for definition in row.options]

    def add_field(self, holder: str, given: Json) -> None:
        now, name = timezone.now(), str(given["FullName"]).rpartition(".")[2]
        PropertyDefinition.objects.create(
            object_type=_KIND + holder,
            name=name[:100],
            label=str(given["Metadata"].get("label") or name)[:200],
            type="string",
            field_type="text",
            group_name="salesforce",
            options=[given],
            created_at=now,
            updated_at=now,
        )

    # --- sessions and calls -------------------------------------------------------------------------------------------

    def open_session(self, token: str, ends_at: datetime) -> None:
        kept = {**self._state().get("sessions", {}), token: ends_at.isoformat()}
        self._note(sessions=dict(list(kept.items())[-_SESSIONS_KEPT:]))

    def session_end(self, token: str) -> datetime | None:
        return parsed(str(self._state().get("sessions", {}).get(token, "")))

    def close_sessions(self) -> None:
        self._note(sessions={})

    def count_call(self) -> int:
        calls = int(self._state().get("calls", 0)) + 1
        self._note(calls=calls)
        return calls

    def _state(self) -> Json:
        return account().limits

    def _note(self, **news: Any) -> None:
        Account.objects.filter(pk=ACCOUNT).update(limits={**self._state(), **news})


def empty() -> None:
    """Forget records and calls; fields, knobs and credentials stay."""
    Record.objects.filter(object_type__in=[_KIND + name for name in OBJECTS]).delete()


def _held(row: Record) -> Held:
    sobject = row.object_type.removeprefix(_KIND)
    values: Json = dict(row.properties)
    by, master = values.pop(_BY, ""), values.pop(_MASTER, "")
    return Held(sobject, id_of(sobject, row.pk), values, row.created_at, row.updated_at, by, row.archived, row.archived_at, str(master))
