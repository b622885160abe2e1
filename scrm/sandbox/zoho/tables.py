"""The stand-in's store in the sandbox's database: the tables of the sandbox CRM, under names of their own.

Records are `Record` rows of the type `zoho:<module>`, made fields are `PropertyDefinition` rows, writes stand in the log of writes. The
account of number 3 holds the credentials, the knobs (`faults`), and under `limits` the access tokens, the credits spent and the channels.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
from django.conf import settings
from django.db import router, transaction
from django.db.models.fields.json import KeyTransform
from django.utils import timezone

from scrm.sandbox.crm.models import Account, PropertyDefinition, Record, Write
from scrm.sandbox.crm.records import atomic
from scrm.sandbox.zoho.store import FIRST_ID, Channel, Held
from scrm.sandbox.zoho.vocabulary import MODULES, Json
from scrm.sandbox.zoho.wire import parsed

logger = logging.getLogger(__name__)

ACCOUNT = 3
BASE = "/sandbox/zoho"
_KIND = "zoho:"
_LOCKED, _REMOVED = "$locked", "$removed"
_TOKENS_KEPT = 50
NOTICE_SECONDS = 5.0


def account() -> Account:
    """The organisation; made with random credentials when it is asked for first."""
    found, _ = Account.objects.get_or_create(
        pk=ACCOUNT,
        defaults={
            "access_token": f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}",
            "client_secret": secrets.token_hex(21),
            "portal_id": 40_000_000 + secrets.randbelow(9_000_000),
        },
    )
    return found


def address() -> str:
    return f"{settings.SANDBOX_URL.rstrip('/')}{BASE}"


def connection_settings() -> dict[str, Any]:
    """What to enter in a client's connection form."""
    own = TableStore().credentials()
    return {
        "slug": "sandbox-zoho",
        "label": "Sandbox Zoho CRM",
        "adapter": "zoho",
        "settings": {"data_center": "com", "client_id": own["client_id"], "accounts_url": f"{address()}/accounts"},
        "secrets": {"client_secret": own["client_secret"], "refresh_token": own["refresh_token"]},
    }


class TableStore:
    """See `store.Store`."""

    def guard(self) -> AbstractContextManager[object]:
        return atomic()

    def credentials(self) -> dict[str, str]:
        own = account()
        return {"client_id": f"1000.{own.portal_id}HKG", "client_secret": own.client_secret, "refresh_token": own.access_token}

    def knobs(self) -> Json:
        return account().faults

    def set_knobs(self, knobs: Json) -> None:
        account()
        Account.objects.filter(pk=ACCOUNT).update(faults=dict(knobs))

    # --- records ------------------------------------------------------------------------------------------------------

    def add(self, module: str, values: Json, at: datetime) -> Held:
        row = Record.objects.create(object_type=_KIND + module, properties=values, created_at=at, updated_at=at)
        held = _held(row)
        _log(held, "create")
        return held

    def save(self, held: Held, action: str) -> None:
        values = {**held.values, **({_LOCKED: True} if held.locked else {}), **({_REMOVED: held.removed} if held.removed else {})}
        Record.objects.filter(pk=_number(held.id), object_type=_KIND + held.module).update(
            properties=values, updated_at=held.modified_at, archived=bool(held.removed), archived_at=held.removed_at
        )
        _log(held, action)

    def get(self, module: str, record_id: str) -> Held | None:
        row = Record.objects.filter(pk=_number(record_id), object_type=_KIND + module, archived=False).first()
        return _held(row) if row is not None else None

    def rows(self, module: str, *, removed: bool = False) -> Iterable[Held]:
        return [_held(row) for row in Record.objects.filter(object_type=_KIND + module, archived=removed).order_by("pk")]

    def by_value(self, module: str, name: str, value: str) -> Held | None:
        rows = Record.objects.filter(object_type=_KIND + module, archived=False)
        row = rows.annotate(looked_for=KeyTransform(name, "properties")).filter(looked_for=value).order_by("pk").first()
        return _held(row) if row is not None else None

    # --- fields -------------------------------------------------------------------------------------------------------

    def custom_fields(self, module: str) -> list[Json]:
        rows = PropertyDefinition.objects.filter(object_type=_KIND + module).order_by("pk")
        return [definition for row in rows for definition in row.options]

    def add_field(self, module: str, given: Json) -> None:
        now, label = timezone.now(), str(given["field_label"])
        PropertyDefinition.objects.create(
            object_type=_KIND + module,
            name=label[:100],
            label=label[:200],
            type="string",
            field_type="text",
            group_name="zoho",
            options=[given],
            created_at=now,
            updated_at=now,
        )

    # --- tokens, credits, channels ------------------------------------------------------------------------------------

    def add_token(self, value: str, issued_at: datetime, ends_at: datetime) -> None:
        kept = [*self._state().get("tokens", []), [value, issued_at.isoformat(), ends_at.isoformat()]]
        self._note(tokens=kept[-_TOKENS_KEPT:])

    def token_end(self, value: str) -> datetime | None:
        found = next((ends_at for token, _, ends_at in self._state().get("tokens", []) if token == value), "")
        return parsed(found)

    def end_tokens(self) -> None:
        self._note(tokens=[["", issued_at, issued_at] for _, issued_at, _ in self._state().get("tokens", [])])

    def tokens_since(self, moment: datetime) -> int:
        issued = [parsed(at) for _, at, _ in self._state().get("tokens", [])]
        return sum(at is not None and at > moment for at in issued)

    def spend(self, credits: int, at: datetime) -> None:
        """By the hour: a day is 24 numbers."""
        hour = at.replace(minute=0, second=0, microsecond=0)
        since = (hour - timedelta(hours=24)).isoformat()
        kept = {key: spent for key, spent in self._state().get("spent", {}).items() if key > since}
        self._note(spent={**kept, hour.isoformat(): kept.get(hour.isoformat(), 0) + credits})

    def spent_since(self, moment: datetime) -> int:
        return sum(spent for key, spent in self._state().get("spent", {}).items() if key > moment.isoformat())

    def channels(self) -> list[Channel]:
        return [
            Channel(each["channel_id"], each["token"], each["notify_url"], each["events"], parsed(each["ends_at"]) or timezone.now())
            for each in self._state().get("channels", {}).values()
        ]

    def put_channel(self, channel: Channel) -> None:
        kept = {
            "channel_id": channel.channel_id,
            "token": channel.token,
            "notify_url": channel.notify_url,
            "events": channel.events,
            "ends_at": channel.ends_at.isoformat(),
        }
        self._note(channels={**self._state().get("channels", {}), channel.channel_id: kept})

    def drop_channel(self, channel_id: str) -> bool:
        channels = dict(self._state().get("channels", {}))
        known = channels.pop(channel_id, None) is not None
        self._note(channels=channels)
        return known

    def notify(self, channel: Channel, notice: Json) -> None:
        """Once the change is kept, by a thread: nobody waits for who asked for notices. To this machine only."""
        target = channel.notify_url
        if urlsplit(target).hostname not in {"127.0.0.1", "localhost", "::1", urlsplit(settings.PUBLIC_URL).hostname}:
            return
        thread = threading.Thread(target=_post, args=(target, notice), daemon=True)
        transaction.on_commit(thread.start, using=router.db_for_write(Record))

    def _state(self) -> Json:
        return account().limits

    def _note(self, **news: Any) -> None:
        Account.objects.filter(pk=ACCOUNT).update(limits={**self._state(), **news})


def _post(target: str, notice: Json) -> None:
    try:
        httpx2.post(target, json=notice, timeout=NOTICE_SECONDS, trust_env=False)
    except httpx2.HTTPError as error:
        logger.info("A notice of the Zoho stand-in was not taken: %s", type(error).__name__)


def empty() -> None:
    """Forget the records; fields, knobs, tokens and credentials stay."""
    Record.objects.filter(object_type__in=[_KIND + name for name in MODULES]).delete()


def spent() -> int:
    """Credits spent in the last 24 hours."""
    return TableStore().spent_since(timezone.now() - timedelta(days=1))


def _number(record_id: str) -> int:
    number = int(record_id) - FIRST_ID if record_id.isascii() and record_id.isdigit() and len(record_id) < 20 else -1
    return number if 0 < number < 2**62 else -1


def _held(row: Record) -> Held:
    values: Json = dict(row.properties)
    locked, removed = bool(values.pop(_LOCKED, False)), str(values.pop(_REMOVED, ""))
    module = row.object_type.removeprefix(_KIND)
    return Held(module, str(FIRST_ID + row.pk), values, row.created_at, row.updated_at, locked, removed, row.archived_at)


def _log(held: Held, action: str) -> None:
    Write.objects.create(
        at=held.modified_at, actor="Zoho client", source="INTEGRATION", action=action, object_type=_KIND + held.module,
        record_id=_number(held.id), scrm_id=str(held.values.get("Scrm_ID") or "")[:255], changes=json.loads(json.dumps(held.values)),
    )  # fmt: skip
