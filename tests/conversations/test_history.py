"""Old text lies in blocks, and nobody who reads, searches, changes, exports or erases it can tell."""

from __future__ import annotations

import ast
import json
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import models, transaction
from django.test import Client

from connectors.contracts import Address, InboundMessage
from scrm.contacts.models import Event
from scrm.contacts.privacy import erasure
from scrm.conversations import blocks, history, retention
from scrm.conversations.inbound import Arrival, record_inbound
from scrm.conversations.models import Attachment, Conversation, HistoryBlock, HistorySweep, Message
from scrm.conversations.search import message_index
from scrm.core import clock
from scrm.staff.models import User
from tests.people import NOON, customer, hong_kong

LONG_AGO = NOON - timedelta(days=100)
LATELY = NOON - timedelta(days=3)
SAID = [
    "請問護手霜仲有冇貨？想訂兩支，星期五之前可以送到觀塘嗎",
    "ハンドクリームの在庫はありますか。金曜日までに届けていただけると助かります",
    "Is the hand cream back in stock? Could it reach Kwun Tong before Friday",
    "护手霜什么时候补货？我想订两支，周五前能送到吗",
]

plain: models.QuerySet[Message] = models.QuerySet(Message)


def said(number: int, text: str, at: datetime, phone: str, **more: Any) -> InboundMessage:
    wamid = f"wamid.{phone}.{number}"
    given: dict[str, Any] = {"kind": "text", "content": {"body": text, "quote_token": f"q{number}"}, **more}
    return InboundMessage(key=wamid, account_id="", external_id=wamid, sender=(Address("whatsapp", phone),), sent_at=at, text=text, **given)


def record(items: list[InboundMessage], phone: str) -> list[Message]:
    """All in one body, a second after the last was written."""
    with clock.frozen(items[-1].sent_at + timedelta(seconds=1)), transaction.atomic():
        person, number = customer(phone=phone), hong_kong()
        return record_inbound([Arrival(item, person, number, item.sent_at + timedelta(seconds=1)) for item in items])


def write(number: int, text: str, at: datetime, *, phone: str = "85291234567", **more: Any) -> Message:
    return record([said(number, text, at, phone, **more)], phone)[0]


def talk(count: int = 30, *, phone: str = "85291234567", at: datetime = LONG_AGO) -> list[int]:
    items = [said(n, f"{SAID[n % 4]} {phone[-4:]}/{n}。", at + timedelta(minutes=n), phone) for n in range(count)]
    return [row.pk for row in record(items, phone)]


def compress(now: datetime = NOON) -> HistorySweep | None:
    with clock.frozen(now):
        sweep = history.begin(wait=timedelta(0))
        while sweep is not None and history.step(sweep):
            pass
    return sweep


def in_rows() -> dict[int, tuple[str, Any]]:
    """What the table itself says."""
    return {pk: (text, content) for pk, text, content in plain.values_list("pk", "text", "content")}


def stored_bytes() -> str:
    """Every block, opened."""
    return json.dumps([blocks.unpack(bytes(block.body)) for block in HistoryBlock.objects.all()], ensure_ascii=False)


@pytest.fixture
def talked(db: None) -> dict[int, tuple[str, Any]]:
    """Sixty old messages of two customers and three young ones: what they said, by key."""
    talk()
    talk(phone="85298765432")
    talk(3, phone="85255556666", at=LATELY)
    return in_rows()


class Compressing:
    def test_empties_old_rows_and_leaves_young_ones(self, talked: dict[int, tuple[str, Any]]) -> None:
        sweep = compress()
        assert sweep is not None and sweep.done_at and (sweep.messages, sweep.blocks) == (60, 2)
        rows = in_rows()
        old = set(plain.exclude(block=None).values_list("pk", flat=True))
        assert len(old) == 60 and all(rows[pk][0] == "" and set(rows[pk][1]) == {"quote_token"} for pk in old)
        assert all(rows[pk] == said for pk, said in talked.items() if pk not in old)
        assert sweep.size_after < sweep.size_before / 3
        assert [block.messages for block in HistoryBlock.objects.order_by("pk")] == [30, 30]

    def test_leaves_what_may_still_be_sent_or_decided_on(self, talked: dict[int, tuple[str, Any]]) -> None:
        waiting = dict(zip(sorted(talked), history.RESTLESS, strict=False))
        for pk, state in waiting.items():
            plain.filter(pk=pk).update(state=state)
        compress()
        assert not plain.filter(pk__in=waiting).exclude(block=None).exists()

    def test_leaves_what_would_only_grow(self, db: None) -> None:
        write(1, "OK", LONG_AGO)
        sweep = compress()
        assert sweep is not None and sweep.done_at and not sweep.messages and not HistoryBlock.objects.exists()

    def test_is_off_with_zero_days(self, talked: object, settings: Any) -> None:
        settings.HISTORY_COMPRESS_DAYS = 0
        assert compress() is None and not HistoryBlock.objects.exists()

    def test_waits_for_a_month_of_messages(self, talked: object) -> None:
        compress()
        with clock.frozen(LATELY + timedelta(days=91)):
            assert history.begin() is None
        with clock.frozen(LATELY + timedelta(days=121)):
            sweep = history.begin()
            assert sweep is not None and history.begin() == sweep

    def test_takes_up_to_two_hundred_messages_a_block(self, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(history, "MOST_MESSAGES", 12)
        before = {pk: in_rows()[pk] for pk in talk(30)}
        compress()
        assert [block.messages for block in HistoryBlock.objects.order_by("first_message")] == [12, 12, 6]
        assert {row.pk: (row.text, row.content) for row in Message.objects.all()} == before

    def test_broken_off_anywhere_ends_as_undisturbed(self, talked: dict[int, tuple[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(history, "STEP_MESSAGES", 7)
        monkeypatch.setattr(history, "STEP_CONVERSATIONS", 2)
        calls = iter(range(1000))

        def die(name: str) -> None:
            if next(calls) % 2:
                raise KeyboardInterrupt(name)

        monkeypatch.setattr(history, "crash_here", die)
        with clock.frozen(NOON):
            sweep = history.begin(wait=timedelta(0))
            assert sweep is not None
            for _ in range(100):
                try:
                    if not history.step(history.open_sweep() or sweep):
                        break
                except KeyboardInterrupt:
                    assert {row.pk: (row.text, row.content) for row in Message.objects.all()} == talked
        sweep.refresh_from_db()
        assert sweep.done_at and sweep.messages == 60 == sum(HistoryBlock.objects.values_list("messages", flat=True))
        assert {row.pk: (row.text, row.content) for row in Message.objects.all()} == talked

    def test_runs_as_a_drain(self, talked: dict[int, tuple[str, Any]]) -> None:
        from scrm.core import jobs

        with clock.frozen(NOON + timedelta(days=30)):
            jobs.periodics()["compress history"].run()
            while jobs.drains()["history"].step():
                pass
        assert HistoryBlock.objects.count() == 2


class Reading:
    def test_of_a_set_takes_one_query_more(self, talked: dict[int, tuple[str, Any]], django_assert_num_queries: Any) -> None:
        compress()
        ways = [
            lambda: list(Message.objects.all()),
            lambda: list(Message.objects.only("text", "content")),
            lambda: list(Message.objects.iterator(chunk_size=100)),
            lambda: list(Message.objects.in_bulk(list(talked)).values()),
        ]
        for way in ways:
            with django_assert_num_queries(2):
                assert {row.pk: (row.text, row.content) for row in way()} == talked
        with django_assert_num_queries(3):
            (one,) = Conversation.objects.filter(messages=min(talked)).prefetch_related("messages")
            assert all((row.text, row.content) == talked[row.pk] for row in one.messages.all())

    def test_of_young_messages_takes_none(self, talked: object, django_assert_num_queries: Any) -> None:
        compress()
        with django_assert_num_queries(1):
            list(Message.objects.filter(block=None))
        with django_assert_num_queries(1):
            list(Message.objects.only("state", "sent_at"))

    def test_by_foreign_key_join_or_deferred_field(self, talked: dict[int, tuple[str, Any]]) -> None:
        Attachment.objects.create(message_id=min(talked), kind="image", due_at=NOON)
        compress()
        text, content = talked[min(talked)]
        assert Attachment.objects.get().message.text == text
        assert Attachment.objects.select_related("message").get().message.content == content
        assert Attachment.objects.select_related("message").only("message__text").get().message.text == text
        assert Message.objects.defer("text", "content").get(pk=min(talked)).text == text
        assert Message.objects.only("state").get(pk=min(talked)).content == content
        assert Message.objects.defer("block").get(pk=min(talked)).text == text
        row = Message.objects.get(pk=min(talked))
        row.refresh_from_db()
        assert (row.text, row.content) == (text, content)
        row.refresh_from_db(fields=["state", "text"])
        assert row.text == text

    def test_finds_words_as_before(self, talked: dict[int, tuple[str, Any]], owner: Client) -> None:
        def seen() -> tuple[Any, ...]:
            found = [sorted(row.pk for row in Message.objects.search(word)) for word in ("護手霜", "ハンド", "kwun", "补货")]
            return found, owner.get("/admin/inbox/", {"q": "觀塘"}).content

        before = seen()
        assert all(before[0])
        compress()
        after = seen()
        assert after[0] == before[0] and "觀塘" in after[1].decode() and "護手霜" in after[1].decode()

    def test_shows_the_same_on_pages_interface_and_export(self, talked: object, owner: Client, tmp_path: Path, nonce_free: Any) -> None:
        from scrm.contacts.privacy import exports
        from scrm.sync import communications

        row = Conversation.objects.order_by("pk").first()
        assert row is not None
        contact, events = row.identity.contact_id, Event.objects.order_by("pk")
        pages = (f"/admin/inbox/{row.pk}/", "/admin/conversations/message/?q=kwun", f"/admin/contacts/contact/{contact}/change/")
        day = f"{row.pk}:{LONG_AGO.date().isoformat()}"

        def seen() -> list[Any]:
            shown: list[Any] = [nonce_free(owner.get(page).content.decode()) for page in pages]
            shown.append(owner.get(f"/admin/conversations/message/{row.messages.order_by('pk')[0].pk}/change/").status_code)
            with clock.frozen(NOON):
                box = exports.write(contact, tmp_path / "out.zip")
            import zipfile

            with zipfile.ZipFile(tmp_path / "out.zip") as archive:
                shown += [box.kinds["messages"], archive.read("data/messages.json"), archive.read("tables/messages.csv")]
            shown.append(communications.load(hong_kong(), [day], frozenset({"body", "body_html"})))
            return [*shown, events.count()]

        before = seen()
        assert "護手霜" in before[0] and "Kwun Tong" in before[1] and "護手霜" in before[5].decode()
        compress()
        assert seen() == before

    def test_goes_on_beside_a_damaged_block(self, talked: dict[int, tuple[str, Any]], caplog: pytest.LogCaptureFixture) -> None:
        compress()
        first = HistoryBlock.objects.order_by("pk")[0]
        HistoryBlock.objects.filter(pk=first.pk).update(body=bytes(first.body)[:-5])
        rows = {row.pk: row for row in Message.objects.all()}
        assert sum(row.text == "" for row in rows.values()) == 30 and sum(bool(row.text) for row in rows.values()) == 33
        assert "cannot be read" in caplog.text

    def test_no_code_asks_for_values_of_the_columns(self) -> None:
        """Values are not filled; credentials, templates and quick replies have a `text` of their own."""
        own = {"Alert", "open_alerts"}
        root = Path(__file__).resolve().parents[2]
        found = []
        for path in [*root.glob("scrm/**/*.py"), *root.glob("reports/**/*.py")]:
            if "sandbox" in path.parts or path.name in {"filling.py"}:
                continue
            source = path.read_text()
            for node in ast.walk(ast.parse(source)):
                if not (
                    isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"values", "values_list"}
                ):
                    continue
                names = {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
                words = ast.get_source_segment(source, node) or ""
                if names & {"text", "content", "message__text", "message__content"} and not any(name in words for name in own):
                    found.append(f"{path}:{node.lineno}")
        assert found == []


class Changing:
    def test_a_saved_instance_writes_no_text_back(self, talked: dict[int, tuple[str, Any]]) -> None:
        compress()
        row = Message.objects.get(pk=min(talked))
        assert row.text
        row.state = "read"
        row.save()
        row.save(update_fields=["state"])
        assert in_rows()[row.pk][0] == "" and plain.filter(pk=row.pk, state="read").exclude(block=None).exists()
        assert Message.objects.get(pk=row.pk).text == talked[row.pk][0]

    @pytest.mark.parametrize("named", [True, False])
    def test_a_changed_text_leaves_its_block(self, talked: dict[int, tuple[str, Any]], named: bool) -> None:
        compress()
        row = Message.objects.get(pk=min(talked))
        row.text = "改咗"
        row.save(update_fields=["text"]) if named else row.save()
        assert in_rows()[row.pk] == ("改咗", talked[row.pk][1])
        assert talked[row.pk][0] not in stored_bytes() and HistoryBlock.objects.order_by("pk")[0].messages == 29
        assert {each.pk: each.text for each in Message.objects.exclude(pk=row.pk)} == {
            pk: said[0] for pk, said in talked.items() if pk != row.pk
        }

    def test_an_instance_read_before_and_saved_after_wins(self, talked: dict[int, tuple[str, Any]]) -> None:
        row = Message.objects.get(pk=min(talked))
        compress()
        row.text, row.content = "", {"withdrawn": True}
        row.save(update_fields=["text", "content"])
        again = Message.objects.get(pk=row.pk)
        assert (again.text, again.content) == ("", {"withdrawn": True}) and talked[row.pk][0] not in stored_bytes()

    def test_a_withdrawal_reaches_into_the_block(self, talked: dict[int, tuple[str, Any]]) -> None:
        compress()
        first = Message.objects.get(pk=min(talked))
        write(900, "", NOON, kind="revoke", content={"original_id": first.external_id})
        again = Message.objects.get(pk=first.pk)
        assert again.text == "" and again.content == {"withdrawn": True}
        assert (
            talked[first.pk][0] not in stored_bytes() and not message_index.filter(Message.objects.filter(pk=first.pk), "護手霜").exists()
        )

    def test_a_change_and_a_reaction_reach_into_the_block(self, talked: dict[int, tuple[str, Any]]) -> None:
        compress()
        first = Message.objects.get(pk=min(talked))
        write(901, "三支", NOON, kind="edit", content={"original_id": first.external_id, "content": {"body": "三支"}})
        write(902, "", NOON + timedelta(minutes=1), kind="reaction", content={"message_id": first.external_id, "emoji": "👍"})
        again = Message.objects.get(pk=first.pk)
        assert again.text == "三支" and again.content["earlier"][0]["text"] == talked[first.pk][0]
        assert list(again.content["reactions"].values()) == ["👍"] and again.content["quote_token"] == "q0"

    def test_the_last_of_a_block_takes_the_block_along(self, db: None) -> None:
        pks = talk(10)
        compress()
        for row in Message.objects.filter(pk__in=pks):
            row.text = "x"
            row.save(update_fields=["text"])
        assert not HistoryBlock.objects.exists()

    def test_unpacking_gives_back_every_row(self, talked: dict[int, tuple[str, Any]], settings: Any) -> None:
        compress()
        settings.HISTORY_COMPRESS_DAYS = 0
        call_command("history", "unpack", stdout=StringIO())
        assert in_rows() == talked and not HistoryBlock.objects.exists()


class Erasing:
    def test_leaves_nothing_of_the_person_in_blocks(self, talked: dict[int, tuple[str, Any]]) -> None:
        compress()
        one = Conversation.objects.order_by("pk")[0].identity.contact_id
        erasure.erase_now(one, by="mei", reason="asked by letter")
        assert HistoryBlock.objects.count() == 1 and Message.objects.count() == 33
        assert {row.pk: (row.text, row.content) for row in Message.objects.all()} == {pk: talked[pk] for pk in in_rows()}


class Keeping:
    def test_removes_what_is_too_old_and_nothing_else(self, db: None, settings: Any, tmp_path: Path) -> None:
        settings.MEDIA_ROOT = str(tmp_path)
        very_old, old, young = talk(8, at=NOON - timedelta(days=400)), talk(8, phone="85298765432"), talk(2, phone="85255556666", at=LATELY)
        name = default_storage.save("attachments/a.jpg", ContentFile(b"x"))
        Attachment.objects.create(message_id=very_old[0], kind="image", file=name, state="stored", due_at=NOON)
        compress()
        settings.HISTORY_KEEP_DAYS = 200
        assert retention.expire(now=NOON) == 8
        assert set(in_rows()) == {*old, *young} and not default_storage.exists(name) and not Attachment.objects.exists()
        assert HistoryBlock.objects.count() == 1 and not message_index.filter(Message.objects.filter(pk__in=very_old), "護手霜").exists()
        assert Conversation.objects.get(identity__value="85291234567").last_preview == ""
        assert retention.expire(now=NOON) == 0

    def test_is_for_ever_by_default(self, talked: object) -> None:
        assert retention.expire(now=NOON + timedelta(days=5000)) == 0

    def test_gives_way_to_a_legal_hold(self, db: None, settings: Any) -> None:
        held, free = talk(5, at=NOON - timedelta(days=400)), talk(5, phone="85298765432", at=NOON - timedelta(days=400))
        contact = Message.objects.get(pk=held[0]).conversation.identity.contact_id
        erasure.set_hold(contact, by="mei", reason="a claim")
        settings.HISTORY_KEEP_DAYS = 200
        assert retention.expire(now=NOON) == 5
        assert set(in_rows()) == set(held) and not set(free) & set(in_rows())
        erasure.lift_hold(contact, by="mei")
        assert retention.expire(now=NOON) == 5

    def test_broken_off_goes_on(self, db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        talk(20, at=NOON - timedelta(days=400))
        settings.HISTORY_KEEP_DAYS = 200
        monkeypatch.setattr(retention, "CHUNK", 6)
        assert retention.expire(now=NOON, seconds=-1) == 0
        assert retention.expire(now=NOON) == 20 and not in_rows()


class Command:
    def test_compresses_and_tells(self, talked: object) -> None:
        out = StringIO()
        with clock.frozen(NOON):
            call_command("history", "compress", "--format", "json", stdout=out)
        told = json.loads(out.getvalue())
        assert told["compressed"] == told["messages"] == 60 and told["blocks"] == 2
        out = StringIO()
        call_command("history", "status", stdout=out)
        assert "saved: " in out.getvalue()

    @pytest.mark.parametrize("what", ["unpack", "expire"])
    def test_refuses_what_the_settings_do_not_say(self, db: None, what: str) -> None:
        with pytest.raises(CommandError, match=r"HISTORY_(COMPRESS|KEEP)_DAYS"):
            call_command("history", what)


@pytest.fixture
def owner(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("owner", password="correct horse"))
    return client


@pytest.fixture
def nonce_free() -> Any:
    """Pages without what differs at each call."""
    import re

    return lambda html: re.sub(r'(nonce|csrfmiddlewaretoken|value)="[^"]{20,}"|"csrf[^"]*": ?"[^"]*"|\d+ (second|minute)s?', "", html)


class Blocks:
    @pytest.mark.parametrize("body", [b"", b"x", blocks.pack({1: ("a", {})})[:-4], b"\x1f\x8b"])
    def test_refuses_what_is_damaged(self, body: bytes) -> None:
        with pytest.raises(blocks.Damaged):
            blocks.unpack(body)

    def test_refuses_another_digest(self) -> None:
        with pytest.raises(blocks.Damaged):
            blocks.unpack(blocks.pack({1: ("a", {})}), sha256="0" * 64)

    def test_gives_back_what_was_put_in(self) -> None:
        said = {7: ("護手霜 👍🏽\n", {"body": "x", "list": [1, None, 2.5]}), 3: ("", [])}
        assert blocks.unpack(blocks.pack(said), sha256=blocks.digest(blocks.pack(said))) == said
