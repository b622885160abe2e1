"""What is said about messages: changed texts, reactions, shared numbers; in any order, with the same outcome."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any

import pytest

from scrm.contacts.models import Contact, Event, Identity
from scrm.conversations.models import Conversation, Message
from scrm.conversations.search import message_index
from scrm.intake import pipeline
from scrm.intake.models import InboundItem
from tests.people import NOON, body, customer, hong_kong, post, text_message

pytestmark = pytest.mark.django_db

ORDER = "wamid.ORDER"
USER = "HK.13491208655302741918"


def take(*messages: dict[str, Any], echoes: bool = False, field: str = "messages", contacts: list[Any] | None = None) -> None:
    raw = json.loads(body(hong_kong(), messages=list(messages)))
    change = raw["entry"][0]["changes"][0]
    change["field"] = field
    if echoes:
        change["value"]["message_echoes"] = change["value"].pop("messages")
    if contacts is not None:
        change["value"]["contacts"] = contacts
    assert post(hong_kong(), json.dumps(raw).encode()) == 200
    while pipeline.drain():
        pass
    assert not InboundItem.objects.filter(state="parked").exists()


def written(text: str = "兩支面膜") -> dict[str, Any]:
    return text_message(text, id=ORDER, at=NOON)


def said(kind: str, minute: int, **parts: Any) -> dict[str, Any]:
    stamp = str(int((NOON + timedelta(minutes=minute)).timestamp()))
    return {"from": "85291234567", "id": f"wamid.{kind}{minute}", "timestamp": stamp, "type": kind, kind: parts}


def changed(text: str, minute: int) -> dict[str, Any]:
    return said("edit", minute, original_message_id=ORDER, message={"type": "text", "text": {"body": text}})


def reacted(emoji: str, minute: int) -> dict[str, Any]:
    return said("reaction", minute, message_id=ORDER, **({"emoji": emoji} if emoji else {}))


def order() -> Message:
    return Message.objects.get(external_id=ORDER)


def found(text: str) -> set[str]:
    return set(message_index.filter(Message.objects.all(), text).values_list("external_id", flat=True))


class ChangedTexts:
    @pytest.mark.parametrize("sequence", list(itertools.permutations(range(3))))
    def test_end_alike_in_any_order(self, sequence: tuple[int, ...]) -> None:
        parts = [written("一支"), changed("兩支", 1), changed("三支", 2)]
        for n in sequence:
            take(parts[n])
        message = order()
        assert message.text == "三支"
        assert [each["text"] for each in message.content["earlier"]] == ["一支", "兩支"]
        assert Message.objects.filter(kind="edit").count() == 2

    def test_all_in_one_body_and_twice(self) -> None:
        for _ in range(2):
            take(written("一支"), changed("兩支", 1))
        assert (order().text, len(order().content["earlier"])) == ("兩支", 1)

    def test_are_found_under_their_new_words(self) -> None:
        take(written("防曬霜"))
        take(changed("潔面乳", 1))
        assert ORDER in found("潔面乳") and ORDER not in found("防曬霜")

    def test_of_a_caption(self) -> None:
        picture = {**written(), "type": "image", "image": {"id": "1", "mime_type": "image/jpeg", "caption": "壞了"}}
        del picture["text"]
        take(picture)
        take(said("edit", 1, original_message_id=ORDER, message={"type": "image", "image": {"id": "1", "caption": "壞了一角"}}))
        assert (order().text, order().content["caption"], order().kind) == ("壞了一角", "壞了一角", "image")

    def test_of_our_messages_are_not_the_customers_to_change(self) -> None:
        take({**written("多謝"), "from": "85268102244", "to": "85291234567"}, echoes=True, field="smb_message_echoes")
        take(changed("免費", 1))
        assert order().text == "多謝"

    def test_of_what_was_withdrawn_stay_away(self) -> None:
        take(written())
        take(said("revoke", 2, original_message_id=ORDER))
        take(changed("三支", 1))
        assert order().content.get("withdrawn") is True
        assert "三支" not in order().text


class Reactions:
    @pytest.mark.parametrize("sequence", list(itertools.permutations(range(4))))
    def test_end_alike_in_any_order(self, sequence: tuple[int, ...]) -> None:
        parts = [written(), reacted("👍", 1), reacted("", 2), reacted("❤️", 3)]
        for n in sequence:
            take(parts[n])
        assert order().content["reactions"] == {f"contact:{Contact.objects.get().pk}": "❤️"}

    def test_withdrawn_are_gone(self) -> None:
        take(written(), reacted("👍", 1), reacted("", 2))
        assert order().content["reactions"] == {}
        assert Message.objects.filter(kind="reaction").count() == 2

    def test_of_both_sides_stand_side_by_side(self) -> None:
        take(written(), reacted("👍", 1))
        take({**reacted("🙏", 2), "from": "85268102244", "to": "85291234567"}, echoes=True, field="smb_message_echoes")
        assert sorted(order().content["reactions"].values()) == ["👍", "🙏"]
        assert order().content["reactions"]["us"] == "🙏"

    def test_to_a_message_that_is_not_known_are_kept(self) -> None:
        take(reacted("👍", 1))
        assert Message.objects.get().content["emoji"] == "👍"


class Echoes:
    def test_pause_automation_for_twelve_hours(self) -> None:
        take({**written("店員在此"), "from": "85268102244", "to": "85291234567"}, echoes=True, field="smb_message_echoes")
        chat = Conversation.objects.get()
        assert chat.automation_paused_until == NOON + timedelta(hours=12)
        assert order().source == "phone_app"

    def test_standby_is_shown_as_such(self) -> None:
        take(written("想問價錢"), field="standby")
        assert order().content["standby"] is True


class History:
    def chunk(self, order: int, *messages: dict[str, Any]) -> None:
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "85268102244", "phone_number_id": hong_kong().account_id},
            "history": [
                {
                    "metadata": {"phase": 0, "chunk_order": order, "progress": 50 * order},
                    "threads": [{"id": "85291234567", "messages": list(messages)}],
                }
            ],
        }
        entry = {"id": "102290129340398", "changes": [{"field": "history", "value": value}]}
        assert post(hong_kong(), json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()) == 200
        while pipeline.drain():
            pass

    def test_in_any_order_of_chunks_is_one_thread(self) -> None:
        first = {**text_message("舊訊息", id="wamid.H1", at=NOON - timedelta(days=30)), "history_context": {"status": "READ"}}
        second = {
            **text_message("舊回覆", id="wamid.H2", at=NOON - timedelta(days=29)),
            "from": "85268102244",
            "history_context": {"status": "DELIVERED"},
        }
        take(written())
        self.chunk(2, second)
        self.chunk(1, first)
        self.chunk(1, first)
        chat = Conversation.objects.get()
        assert list(chat.messages.order_by("sent_at").values_list("text", "direction")) == [
            ("舊訊息", "in"),
            ("舊回覆", "out"),
            ("兩支面膜", "in"),
        ]
        assert (chat.unread_count, chat.last_preview) == (1, "兩支面膜")


class SharedNumbers:
    CARD = {"profile": {"name": "陳大文", "username": "@tai.man"}, "user_id": USER}

    def share(self, minute: int, origin: str = "contact_request", phone: str = "+85291234567") -> None:
        item = {
            "from_user_id": USER,
            "id": f"wamid.SHARE{minute}",
            "timestamp": str(int((NOON + timedelta(minutes=minute)).timestamp())),
            "type": "contacts",
            "origin": origin,
            "contacts": [{"vcard": "BEGIN:VCARD", "phones": [{"phone": phone}]}],
        }
        take(item, contacts=[self.CARD])

    def by_user_id(self) -> None:
        take({**text_message("你好", id="wamid.U1", at=NOON), "from_user_id": USER, "from": ""}, contacts=[self.CARD])

    def test_join_the_person_known_by_user_id(self) -> None:
        self.by_user_id()
        self.share(1)
        person = Contact.objects.get()
        assert set(person.identities.filter(valid_to=None).values_list("kind", "value")) >= {
            ("whatsapp_user", USER),
            ("whatsapp", "85291234567"),
        }

    def test_of_somebody_known_are_flagged_and_merge_nothing(self) -> None:
        known = customer(name="Wong").contact
        self.by_user_id()
        self.share(1)
        assert Contact.objects.count() == 2
        assert Event.objects.filter(contact=known, kind="identity.conflict").count() == 1
        assert Message.objects.get(external_id="wamid.SHARE1").conversation.identity.contact_id == known.pk

    def test_of_other_cards_are_somebody_elses(self) -> None:
        self.by_user_id()
        self.share(1, origin="other")
        assert not Identity.objects.filter(kind="whatsapp").exists()


class ChangedUserIds:
    NEW = "HK.77777777777777777777"

    def change(self, minute: int, **more: Any) -> dict[str, Any]:
        told = {"type": "user_changed_user_id", "body": "User changed", "user_id": self.NEW, "previous_user_id": USER, **more}
        return {"id": f"wamid.SYS{minute}", "timestamp": str(int(NOON.timestamp()) + 60 * minute), "type": "system", "system": told}

    def text(self, user: str, minute: int) -> dict[str, Any]:
        return {
            **text_message(f"minute {minute}", id=f"wamid.T{minute}", at=NOON + timedelta(minutes=minute)),
            "from_user_id": user,
            "from": "",
        }

    @pytest.mark.parametrize("together", [True, False])
    def test_keep_the_person_and_the_thread(self, together: bool) -> None:
        parts = [self.text(USER, 0), self.change(1), self.text(self.NEW, 2)]
        for batch in [parts] if together else [[part] for part in parts]:
            take(*batch, contacts=[])
        assert Contact.objects.count() == 1
        assert set(Message.objects.values_list("text", flat=True)) == {"minute 0", "minute 2"}

    def test_may_be_told_after_the_first_words_in_one_body(self) -> None:
        take(self.text(USER, 0), contacts=[])
        take(self.text(self.NEW, 2), self.change(1), contacts=[])
        assert Contact.objects.count() == 1
        assert not Event.objects.filter(kind="identity.conflict").exists()

    def test_told_twice_change_nothing_more(self) -> None:
        take(self.text(USER, 0), contacts=[])
        take(self.change(1), contacts=[])
        take(self.change(2), contacts=[])
        assert Contact.objects.count() == 1
        assert Event.objects.filter(kind="identity.changed").count() == 1
        assert list(Identity.objects.filter(valid_to=None).values_list("value", flat=True)) == [self.NEW]
