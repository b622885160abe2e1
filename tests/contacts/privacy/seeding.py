"""One person with everything the product keeps of people, under marked words, and a neighbour who must be left alone."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django_q.models import Task

from scrm.automation.models import Rule, Run
from scrm.commerce.models import Coupon, Order, OrderLine, Product, Shipment
from scrm.connections.models import Alert
from scrm.contacts import services
from scrm.contacts.models import Contact, DuplicateCandidate, Event, FieldConflict, Identity, IdentityCase, Merge, NumberSettlement
from scrm.contacts.privacy import exports
from scrm.contacts.search import reindex
from scrm.conversations import services as talking
from scrm.conversations.models import Attachment, Decision, Message, OrphanStatus, ProfileLookup, Reservation, Response
from scrm.core import audit, clock
from scrm.intake import pipeline
from scrm.intake.models import InboundItem
from scrm.sync.models import ExternalRecord, Push
from scrm.tags.models import Tag, TagAssignment, TagRule
from tests.people import agent, body, hong_kong, post, status, text_message, wamid

PHONE, SECOND, NEIGHBOUR = "85261122334", "886955667788", "85269998877"


@dataclass
class Seed:
    contact: Contact
    duplicate: Contact
    neighbour: Contact
    marks: list[str] = field(default_factory=list)
    # Words of the neighbour's that must stay, and must be in no export of the person's.
    others: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def seed(messages: int = 40) -> Seed:
    hk, mei = hong_kong(), agent()
    Tag.objects.get_or_create(slug="vip", defaults={"name": "VIP"})
    marks = [PHONE, SECOND]

    def mark(word: str) -> str:
        text = f"zq{word}{len(marks):02d}"
        marks.append(text)
        return text

    said = [text_message(f"{mark('said')} 想問護手霜", phone=PHONE, id=wamid("first"))]
    said += [text_message(f"{'護手霜' if n % 2 else 'cream'} {n} {marks[2]}", phone=PHONE) for n in range(messages)]
    said.insert(1, text_message("zqneighbour says 你好", phone=NEIGHBOUR, id=wamid("theirs")))
    for start in range(0, len(said), 50):
        raw = body(hk, messages=said[start : start + 50], name=mark("profile") if not start else marks[3])
        assert post(hk, named(raw, NEIGHBOUR, "zqneighbour")) == 200
    assert post(hk, body(hk, messages=[text_message(mark("other number"), phone=SECOND)], name=mark("second"))) == 200
    assert post(hk, body(hk, statuses=[status(wamid("nobody's"), "sent")])) == 200
    while pipeline.drain():
        pass
    one = Identity.objects.get(value=PHONE)
    two = Identity.objects.get(value=SECOND)
    contact, duplicate = one.contact, two.contact
    neighbour = Identity.objects.get(value=NEIGHBOUR).contact
    Contact.objects.filter(pk=contact.pk).update(
        name=mark("name"),
        company=mark("company"),
        notes=mark("notes"),
        address=mark("address"),
        external_id=mark("partner"),
        custom={"shoe": mark("custom")},
        provenance={"name": {"source": "person", "seen": {"person": [mark("seen"), 1]}}},
        own={"name": mark("own")},
    )
    Contact.objects.filter(pk=duplicate.pk).update(name=mark("duplicate"), merged_into=contact)
    reindex([contact.pk, duplicate.pk])
    Identity.objects.filter(pk=two.pk).update(contact=contact, home=duplicate)
    Merge.objects.create(
        survivor=contact, duplicate=duplicate, journal={"was": mark("journal")}, reason=mark("mergereason"), by=mei, merged_at=clock.now()
    )
    services.record_consent(one, purpose="all", allowed=False, source="webhook", evidence=mark("evidence"))
    chat = one.conversations.get()
    note = talking.add_note(chat, text=mark("note"), by=mei)
    message = Message.objects.filter(conversation=chat, direction="in").order_by("pk").first()
    now = clock.now()
    sent = Message.objects.create(
        conversation=chat,
        connection=hk,
        direction="out",
        text=mark("answer"),
        sent_at=now,
        created_at=now,
        state="sent",
        source="agent",
        external_id=mark("sentid"),
    )
    queued = Message.objects.create(
        conversation=chat,
        connection=hk,
        direction="out",
        text=mark("queued"),
        sent_at=now,
        created_at=now,
        state="queued",
        source="agent",
        kind="image",
        content={"file": default_storage.save("outgoing/2026/x.jpg", ContentFile(mark("outfile").encode()))},
        due_at=now,
    )
    assert note and message
    photo = default_storage.save("attachments/2026/11/18/photo.jpg", ContentFile(mark("photo").encode()))
    Attachment.objects.create(message=message, kind="image", filename=mark("filename"), file=photo, state="stored", due_at=now)
    Response.objects.create(conversation=chat, agent=mei, message=sent, asked_at=now, answered_at=now, seconds=3, first=True)
    decision = {
        "contact": contact,
        "identity": one,
        "connection": hk,
        "asked_by": "agent",
        "moment": "queue",
        "verdict": "refuse",
        "decided_at": now,
    }
    Decision.objects.create(**decision, message=sent, counters={"text": mark("counter")})
    Reservation.objects.create(
        identity=one,
        connection=hk,
        message=sent,
        template=False,
        category="service",
        content_hash="x",
        event_key=mark("event"),
        reserved_at=now,
        quota_day=now.date(),
    )
    OrphanStatus.objects.create(
        connection=hk, external_id=sent.external_id, status="read", occurred_at=now, payload={"a": mark("orphan")}, received_at=now
    )
    ProfileLookup.objects.create(identity=one, connection=hk, due_at=now)
    rule = TagRule.objects.create(name="hand cream", tag=Tag.objects.get(slug="vip"), keywords="護手霜")
    TagAssignment.objects.create(
        contact=contact, conversation=chat, tag=rule.tag, rule=rule, message=message, matched=mark("matched"), assigned_at=now
    )
    TagAssignment.objects.create(contact=neighbour, tag=rule.tag, matched="zqneighbour tag", assigned_at=now)
    event = Event.objects.create(contact=duplicate, kind="message.received", occurred_at=now, data={"text": mark("event data")})
    Event.objects.create(
        contact=neighbour, kind="identity.conflict", occurred_at=now, data={"address": f"whatsapp:{PHONE}", "other_contact": contact.pk}
    )
    Run.objects.create(
        rule=Rule.objects.create(name="greet", trigger="message.received"),
        rule_version=1,
        event=event,
        contact=contact,
        verdict="done",
        trace=[mark("trace")],
        result={"text": mark("result")},
        evaluated_at=now,
    )
    product = Product.objects.create(sku="HC-1", name="Hand cream")
    order = Order.objects.create(number=mark("order"), contact=duplicate, status="paid", currency="HKD", total=Decimal(280), placed_at=now)
    OrderLine.objects.create(order=order, product=product, unit_price=Decimal(280))
    Shipment.objects.create(order=order, carrier="SF Express", tracking_number=mark("parcel"))
    Coupon.objects.create(contact=duplicate, code=mark("code"), text=mark("worth"), given_at=now, cause=mark("gave"), message_pk=sent.pk)
    crm = type(hk).objects.create(slug="hubspot", label="HubSpot", kind="crm", adapter="hubspot")
    ExternalRecord.objects.create(
        connection=crm, kind="contact", key=str(contact.pk), external_id=mark("crmid"), base={"n": mark("base")}, synced_at=now
    )
    Push.objects.create(connection=crm, kind="contact", key=str(contact.pk), due_at=now, asked_at=now, last_error=mark("pusherror"))
    pair = sorted([contact.pk, neighbour.pk])
    DuplicateCandidate.objects.create(
        first_id=pair[0], second_id=pair[1], score=0.8, evidence=[{"with": "zqneighbour"}], reason=mark("pair"), found_at=now
    )
    FieldConflict.objects.create(contact=contact, field="name", kind="differs", shown=mark("shown"), other=mark("otherv"), found_at=now)
    IdentityCase.objects.create(
        kind="conflict", identity=one, contact=contact, other=neighbour, detail={"address": PHONE, "by": "zqneighbour"}, found_at=now
    )
    NumberSettlement.objects.create(identity=one, raw=mark("raw"), chosen=f"+{PHONE}", settled_at=now)
    kind = ContentType.objects.get_for_model(Contact)
    LogEntry.objects.create(
        user=mei, content_type=kind, object_id=str(contact.pk), object_repr=mark("repr"), action_flag=CHANGE, change_message=mark("changed")
    )
    Task.objects.create(
        id="t" * 32, name="x", func="scrm.core.jobs.tick", args=(PHONE,), result=mark("task") + PHONE, started=now, stopped=now
    )
    Alert.objects.create(key="person:1", level="warning", text=f"{PHONE} {mark('alert')}", raised_at=now)
    InboundItem.objects.filter(key=f"msg:{wamid('first')}").update(state="parked", reason=mark("parked"))
    from scrm.intake.models import LedgerTotal

    total = LedgerTotal.objects.filter(connection=hk).first()
    LedgerTotal.objects.filter(pk=total.pk).update(processed=total.processed - 1)
    audit.record(
        "contacts.merged",
        by=mei,
        subject=contact,
        about=[duplicate],
        before={"name": mark("before")},
        after={"name": mark("after")},
        reason=mark("auditreason"),
    )
    audit.record("contacts.kept_apart", by=mei, subject=contact, about=[neighbour], before={"other": "zqneighbour", "name": mark("apart")})
    made = exports.ask(contact, by=mei, reason=mark("exportreason"))
    while exports.make_next():
        pass
    made.refresh_from_db()
    assert made.state == "ready", made.last_error
    later = body(hk, messages=[text_message(mark("spooled"), phone=PHONE), text_message("zqneighbour spooled", phone=NEIGHBOUR)])
    spool_file(later)
    return Seed(contact, duplicate, neighbour, marks, ["zqneighbour"], [photo, queued.content["file"], made.file])


def named(raw: bytes, phone: str, name: str) -> bytes:
    """The body with another name for one of its people."""
    parsed = json.loads(raw)
    for person in parsed["entry"][0]["changes"][0]["value"]["contacts"]:
        person["profile"]["name"] = name if person["wa_id"] == phone else person["profile"]["name"]
    return json.dumps(parsed).encode()


def spool_file(raw: bytes) -> Path:
    folder = Path(settings.SPOOL_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "seeded.body"
    path.write_text(json.dumps({"slug": "hk", "checked": True, "headers": {}, "body": base64.b64encode(raw).decode()}))
    return path


LATER = timedelta(minutes=1)
