"""People into CSV and XLSX files that spreadsheets open without harm, and that can be imported again as they are."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

from django.db.models import QuerySet

from scrm.contacts.importing import extras
from scrm.contacts.models import Consent, Contact, Identity
from scrm.contacts.records import CUSTOM
from scrm.core import audit
from scrm.core.spreadsheets import BOM, neutralised

CHUNK = 2_000
SEVERAL = "; "
COLUMNS = (
    ("external_id", "External ID"),
    ("name", "Name"),
    ("company", "Company"),
    ("phone", "Phone"),
    ("email", "Email"),
    ("language", "Language"),
    ("country", "Country"),
    ("time_zone", "Time zone"),
    ("priority", "Priority"),
    ("owner", "Owner"),
    ("birthday", "Birthday"),
    ("postal_code", "Postal code"),
    ("state", "State"),
    ("city", "City"),
    ("address", "Address"),
    ("notes", "Notes"),
    ("tags", "Tags"),
    ("opt_in", "Opt in"),
    ("opt_out", "Opt out"),
    ("consent_source", "Consent source"),
)
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_CELL = 32_767


def people(rows: QuerySet[Contact] | None = None) -> QuerySet[Contact]:
    """Whom an export holds: each person once, however many records a merge has joined."""
    return (Contact.objects.all() if rows is None else rows).filter(merged_into=None).order_by("pk")


def record(rows: QuerySet[Contact], *, by: Any, what: str, form: str, reason: str) -> int:
    """Tell the audit, before anything leaves; how many people it is."""
    count = rows.count()
    after = {"rows": count, "filter": what, "format": form}
    audit.record("contacts.list_exported", by=by, subject="contacts.contact", after=after, reason=reason)
    return count


def custom_keys(rows: QuerySet[Contact]) -> list[str]:
    found: set[str] = set()
    for further in rows.exclude(custom={}).values_list("custom", flat=True).iterator(CHUNK):
        found.update(further or {})
    return sorted(found)


def table(rows: QuerySet[Contact]) -> Iterator[list[str]]:
    """The headers, then a row of text a person; as many statements a thousand people, however many."""
    keys = custom_keys(rows)
    yield [*(title for _, title in COLUMNS), *(CUSTOM + key for key in keys)]
    last = 0
    while part := list(rows.filter(pk__gt=last).select_related("owner")[:CHUNK]):
        last = part[-1].pk
        yield from _rows(part, keys)


def _rows(part: Sequence[Contact], keys: Sequence[str]) -> Iterator[list[str]]:
    pks = [row.pk for row in part]
    addresses: dict[int, list[Identity]] = {}
    for identity in Identity.objects.filter(contact__in=pks, valid_to=None).order_by("pk"):
        addresses.setdefault(identity.contact_id, []).append(identity)
    proofs = dict(
        Consent.objects.filter(identity__contact__in=pks, purpose=Consent.Purpose.MARKETING, allowed=True)
        .order_by("at", "pk")
        .values_list("identity__contact_id", "evidence")
    )
    tags = extras.tags().read(pks)
    for row in part:
        cells = _cells(row, addresses.get(row.pk, []), tags.get(row.pk, []), str(proofs.get(row.pk, "")))
        yield [cells[name] for name, _ in COLUMNS] + [_text((row.custom or {}).get(key)) for key in keys]


def _cells(row: Contact, addresses: Sequence[Identity], tags: Sequence[str], proof: str) -> dict[str, str]:
    numbers = dict.fromkeys(_number(each) for each in addresses if each.kind in (Identity.Kind.PHONE, Identity.Kind.WHATSAPP))
    declined = any(each.marketing_opted_out_at or each.opted_out_at for each in addresses)
    allowed = any(each.marketing_opt_in_at for each in addresses)
    return {
        **{name: str(getattr(row, name) or "") for name in _PLAIN},
        "phone": SEVERAL.join(numbers),
        "email": SEVERAL.join(each.typed or each.value for each in addresses if each.kind == Identity.Kind.EMAIL),
        "owner": row.owner.get_username() if row.owner else "",
        "birthday": row.birthday.isoformat() if row.birthday else "",
        "tags": SEVERAL.join(tags),
        "opt_in": "no" if declined else "yes" if allowed else "",
        "opt_out": "yes" if any(each.opted_out_at for each in addresses) else "",
        "consent_source": proof if allowed and not declined else "",
    }


_SPECIAL = {"phone", "email", "owner", "birthday", "tags", "opt_in", "opt_out", "consent_source"}
_PLAIN = tuple(name for name, _ in COLUMNS if name not in _SPECIAL)


def _number(identity: Identity) -> str:
    return identity.e164 or (f"+{identity.value}" if identity.kind == Identity.Kind.WHATSAPP else identity.value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def csv_lines(rows: QuerySet[Contact]) -> Iterator[str]:
    """UTF-8 with its mark, so that every spreadsheet reads it as such."""
    yield BOM
    for cells in table(rows):
        yield csv_line(cells)


def csv_line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([neutralised(cell) for cell in cells])
    return out.getvalue()


def write_xlsx(rows: QuerySet[Contact], target: BinaryIO) -> None:
    """One sheet, every cell typed as text."""
    import openpyxl
    from openpyxl.cell import WriteOnlyCell

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Contacts")
    for cells in table(rows):
        written = []
        for cell in cells:
            made = WriteOnlyCell(sheet, value=_NOT_IN_XML.sub("", str(neutralised(cell)))[:_CELL])
            made.data_type = "s"
            made.number_format = "@"
            written.append(made)
        sheet.append(written)
    book.save(target)
