from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scrm.contacts.models import Event
from scrm.core import clock
from scrm.staff.models import User
from scrm.tags import rules, services, shipped
from scrm.tags.models import Tag, TagAssignment, TagRule
from tests.tags.customers import NOON, conversation, writes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rules_are_read_each_time(settings: Any) -> None:
    settings.RULES_RECHECK_SECONDS = 0


@pytest.fixture
def price_rule() -> TagRule:
    tag = Tag.objects.create(slug="price", name="Price")
    return TagRule.objects.create(name="Price", tag=tag, keywords="how much\nいくら\n幾錢", opens_deal=True)


class TagMessages:
    def test_keeps_the_evidence(self, price_rule: TagRule) -> None:
        message = writes(conversation("jp"), "これはｲｸﾗですか")
        assert services.tag_messages([message], at=NOON) == 1
        row = TagAssignment.objects.get()
        assert (row.contact, row.tag, row.rule, row.rule_version) == (message.conversation.identity.contact, price_rule.tag, price_rule, 1)
        assert (row.message, row.matched, message.text[row.span_start : row.span_end]) == (message, "ｲｸﾗ", "ｲｸﾗ")
        assert row.assigned_at == NOON

    def test_tags_a_contact_once(self, price_rule: TagRule) -> None:
        talk = conversation()
        first = [writes(talk, "幾錢呀"), writes(talk, "how much?")]
        assert services.tag_messages(first, at=NOON) == 1
        assert services.tag_messages([writes(talk, "how much?")], at=NOON) == 0
        assert TagAssignment.objects.get().message == first[0]
        assert Event.objects.filter(kind="tag.added").count() == 1

    def test_records_events_with_rule_and_message(self, price_rule: TagRule) -> None:
        message = writes(conversation(), "幾錢呀")
        services.tag_messages([message], at=NOON)
        added = Event.objects.get(kind="tag.added")
        assert (added.data["tag"], added.data["message"], added.cause) == ("price", message.pk, f"tag_rule:{price_rule.pk}:v1")

    def test_opens_one_deal_a_conversation(self, price_rule: TagRule) -> None:
        talk, other = conversation("hk"), conversation("sg")
        services.tag_messages([writes(talk, "幾錢呀"), writes(other, "how much")], at=NOON)
        services.tag_messages([writes(talk, "幾錢呀")], at=NOON)
        assert sorted(Event.objects.filter(kind="conversation.deal").values_list("data__conversation", flat=True)) == [talk.pk, other.pk]

    def test_a_tag_that_was_there_before_still_opens_the_next_conversations_deal(self, price_rule: TagRule) -> None:
        talk = conversation()
        services.tag_messages([writes(talk, "幾錢呀")], at=NOON)
        talk.status = "closed"
        talk.save()
        again = type(talk).objects.create(
            identity=talk.identity, connection=talk.connection, last_message_at=NOON, changed_at=NOON, opened_at=NOON
        )
        services.tag_messages([writes(again, "幾錢呀")], at=NOON)
        assert Event.objects.filter(kind="conversation.deal", data__conversation=again.pk).count() == 1
        assert TagAssignment.objects.count() == 1

    def test_looks_only_at_what_customers_wrote(self, price_rule: TagRule) -> None:
        talk = conversation()
        answer = writes(talk, "How much do you want?", direction="out", source="agent", state="sent")
        assert services.tag_messages([answer, writes(talk, "", kind="image")], at=NOON) == 0

    def test_a_batch_costs_a_handful_of_queries(self, price_rule: TagRule, settings: Any) -> None:
        messages = [writes(conversation(place), "how much?") for place in ("hk", "tw", "jp", "sg") for _ in range(5)]
        services.tag_messages([writes(conversation(), "how much?")], at=NOON)
        settings.RULES_RECHECK_SECONDS = 60
        with CaptureQueriesContext(connection) as queries:
            assert services.tag_messages(messages, at=NOON) == 20
        assert len(queries) <= 6, [query["sql"][:90] for query in queries]

    def test_silent_text_costs_no_query_but_the_look_at_the_rules(self, price_rule: TagRule) -> None:
        messages = [writes(conversation(), "早晨")]
        rules.current()
        with CaptureQueriesContext(connection) as queries:
            services.tag_messages(messages, at=NOON)
        assert len(queries) == 1

    def test_a_removed_tag_comes_back_with_new_words_and_keeps_the_label(self, price_rule: TagRule) -> None:
        talk = conversation()
        services.tag_messages([writes(talk, "幾錢")], at=NOON)
        agent = User.objects.create(username="mei")
        assert services.remove_tag(TagAssignment.objects.get(), by=agent) is True
        services.tag_messages([writes(talk, "幾錢")], at=NOON)
        assert list(TagAssignment.objects.order_by("id").values_list("removed_by", flat=True)) == [agent.pk, None]


class RulesInForce:
    def test_follow_a_change(self, price_rule: TagRule) -> None:
        assert rules.current().tags_of("any discount?") == {}
        price_rule.keywords = "discount"
        services.save_rule(price_rule)
        assert rules.current().tags_of("any discount?") == {"price": "discount"}

    def test_follow_switching_off_and_removal(self, price_rule: TagRule) -> None:
        assert rules.current().tags_of("how much") == {"price": "how much"}
        price_rule.enabled = False
        services.save_rule(price_rule)
        assert rules.current().tags_of("how much") == {}
        price_rule.delete()
        assert rules.current().rules == {}

    def test_are_read_at_most_once_a_period(self, price_rule: TagRule, settings: Any) -> None:
        rules.current()
        settings.RULES_RECHECK_SECONDS = 60
        with CaptureQueriesContext(connection) as queries:
            for _ in range(10):
                rules.current()
        assert len(queries) == 0


class SaveRule:
    def test_a_new_meaning_is_a_new_version(self, price_rule: TagRule) -> None:
        price_rule.keywords += "\n價錢"
        assert services.save_rule(price_rule).version == 2
        price_rule.name = "Prices"
        assert services.save_rule(price_rule).version == 2

    def test_counts_from_the_stored_version(self, price_rule: TagRule) -> None:
        stale = TagRule.objects.get(pk=price_rule.pk)
        price_rule.keywords = "price"
        services.save_rule(price_rule)
        stale.keywords = "cost"
        assert services.save_rule(stale).version == 3


class TagsByHand:
    def test_adding_twice_gives_the_same_row(self, price_rule: TagRule) -> None:
        contact = conversation().identity.contact
        agent = User.objects.create(username="mei")
        with clock.frozen(NOON):
            first = services.add_tag(contact, price_rule.tag, by=agent)
            assert services.add_tag(contact, price_rule.tag, by=agent).pk == first.pk
        assert (first.by, first.assigned_at) == (agent, NOON)
        assert Event.objects.filter(kind="tag.added").count() == 1

    def test_removing_twice_records_once(self, price_rule: TagRule) -> None:
        row = services.add_tag(conversation().identity.contact, price_rule.tag)
        assert [services.remove_tag(row, by=None), services.remove_tag(row, by=None)] == [True, False]
        assert Event.objects.filter(kind="tag.removed").count() == 1


class TryRule:
    def test_shows_past_hits_and_writes_nothing(self, price_rule: TagRule) -> None:
        talk = conversation()
        wanted = writes(talk, "請問有冇折扣")
        writes(talk, "多謝")
        draft = TagRule(name="Discount", tag=price_rule.tag, keywords="折扣")
        found = services.try_rule(draft)
        assert [(message.pk, [hit.matched for hit in hits]) for message, hits in found] == [(wanted.pk, ["折扣"])]
        assert TagAssignment.objects.count() == 0

    def test_looks_at_no_more_than_asked(self, price_rule: TagRule) -> None:
        talk = conversation()
        writes(talk, "折扣?")
        newest = writes(talk, "折扣!")
        assert [message.pk for message, _ in services.try_rule(TagRule(tag=price_rule.tag, keywords="折扣"), limit=1)] == [newest.pk]


class ShippedRules:
    @pytest.fixture(autouse=True)
    def installed(self) -> None:
        shipped.install()

    @pytest.mark.parametrize(
        ("text", "tag"),
        [
            ("私の荷物はどこですか?", "order-status"),
            ("荷物", "order-status"),
            ("注文した商品はいつ届きますか", "order-status"),
            ("我的包裹到哪裡了", "order-status"),
            ("訂單到邊度呀", "order-status"),
            ("我个快递到哪了", "order-status"),
            ("Where is my order?", "order-status"),
            ("where is my parcel", "order-status"),
            ("有冇得平啲呀", "price-sensitive"),
            ("税込でおいくらになりますか", "price"),
            ("买两件一共多少钱", "price"),
            ("想退款", "return-refund"),
            ("返品したいのですが", "return-refund"),
            ("隻杯爛咗", "complaint"),
            ("門市喺邊度呀", "shop-address"),
            ("見積もりをお願いします", "quotation"),
            ("多謝晒", "thanks"),
            ("我要轉人工", "human-please"),
            ("請幫我取消訂單", "cancel"),
        ],
    )
    def test_know_the_four_ways_of_writing(self, text: str, tag: str) -> None:
        assert tag in rules.current().tags_of(text)

    @pytest.mark.parametrize(
        ("text", "tag"), [("唔好取消", "cancel"), ("返金は不要です", "return-refund"), ("It's not broken", "complaint")]
    )
    def test_heed_negation(self, text: str, tag: str) -> None:
        assert tag not in rules.current().tags_of(text)

    def test_leaving_a_mailing_list_cancels_no_order(self) -> None:
        assert "cancel" not in rules.current().tags_of("取消订阅")

    def test_a_wish_not_to_talk_to_a_machine_is_a_wish_for_a_person(self) -> None:
        assert "human-please" in rules.current().tags_of("唔好用機械人覆我")

    def test_installing_again_changes_nothing_that_people_edited(self) -> None:
        rule = TagRule.objects.get(name="Price")
        rule.keywords, rule.enabled = "price", False
        services.save_rule(rule)
        assert shipped.install() == 0
        rule.refresh_from_db()
        assert (rule.keywords, rule.enabled, rule.version) == ("price", False, 2)

    def test_order_status_quotation_and_price_open_a_deal(self) -> None:
        assert set(TagRule.objects.filter(opens_deal=True).values_list("tag__slug", flat=True)) == {"order-status", "quotation", "price"}
