"""What a platform tells beside messages: each kind has its effect, the rest is kept and listed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scrm.connections.models import Alert, Connection, ConnectionChange
from scrm.connections.services import pause
from scrm.contacts.models import Identity
from scrm.conversations.models import MessageTemplate, TemplateSync
from scrm.intake import pipeline
from scrm.intake.models import InboundItem
from tests.people import NOON, customer, hong_kong, post, tokyo

pytestmark = pytest.mark.django_db

WABA = "9106540352242922"
STAMP = int(NOON.timestamp())


def told(field: str, value: dict[str, Any], *, at: int = STAMP, waba: str = WABA) -> None:
    """Post a notice of the Hong Kong number's account and process it."""
    entry = {"id": waba, "time": at, "changes": [{"field": field, "value": value}]}
    assert post(hong_kong(), json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()) == 200
    while pipeline.drain():
        pass
    assert not InboundItem.objects.filter(state="parked").exists()


def number() -> Connection:
    return Connection.objects.get(slug="hk")


def facts() -> dict[str, Any]:
    found: dict[str, Any] = number().facts
    return found


def changes(kind: str) -> list[tuple[str, str]]:
    return list(ConnectionChange.objects.filter(kind=kind).order_by("pk").values_list("before", "after"))


def order_shipped(**fields: Any) -> MessageTemplate:
    row: MessageTemplate = MessageTemplate.objects.create(
        connection=hong_kong(),
        name="order_shipped",
        language="zh_HK",
        **{"category": "UTILITY", "status": "APPROVED", "synced_at": NOON, **fields},
    )
    return row


def of_template(**parts: Any) -> dict[str, Any]:
    named = {"message_template_id": 594425479261596, "message_template_name": "order_shipped", "message_template_language": "zh-HK"}
    return {**named, **parts}


class TemplateStatus:
    @pytest.mark.parametrize(
        ("event", "status"),
        [
            ("APPROVED", "APPROVED"),
            ("REJECTED", "REJECTED"),
            ("PENDING", "PENDING"),
            ("PAUSED", "PAUSED"),
            ("FLAGGED", "FLAGGED"),
            ("IN_APPEAL", "IN_APPEAL"),
            ("LIMIT_EXCEEDED", "LIMIT_EXCEEDED"),
            ("DISABLED", "DISABLED"),
            ("PENDING_DELETION", "PENDING_DELETION"),
            ("DELETED", "DELETED"),
        ],
    )
    def test_follows_every_event(self, event: str, status: str) -> None:
        row = order_shipped(status="LOCKED")
        told("message_template_status_update", of_template(event=event, reason="SCAM"))
        row.refresh_from_db()
        assert (row.status, row.reason, row.status_at) == (status, "SCAM", NOON)

    @pytest.mark.parametrize("event", ["REINSTATED", "UNPAUSED"])
    def test_is_approved_again(self, event: str) -> None:
        row = order_shipped(status="PAUSED")
        told("message_template_status_update", of_template(event=event, reason="NONE"))
        row.refresh_from_db()
        assert (row.status, row.reason) == ("APPROVED", "")

    def test_keeps_which_pause_it_is_and_what_to_change(self) -> None:
        row = order_shipped()
        more = {
            "other_info": {"title": "FIRST_PAUSE", "description": "paused for 3 hours"},
            "rejection_info": {"reason": "too vague", "recommendation": "name the order"},
        }
        told("message_template_status_update", of_template(event="PAUSED", reason="NONE", **more))
        row.refresh_from_db()
        assert row.reason == "FIRST_PAUSE; paused for 3 hours; too vague; name the order"

    def test_of_an_unknown_template_asks_for_the_list(self) -> None:
        told("message_template_status_update", of_template(event="APPROVED"))
        assert TemplateSync.objects.get().asked_at

    def test_with_the_wrong_field_is_known_by_its_shape(self) -> None:
        row = order_shipped(quality="GREEN")
        told("message_template_status_update", of_template(previous_quality_score="GREEN", new_quality_score="RED"))
        row.refresh_from_db()
        assert (row.quality, row.status) == ("RED", "APPROVED")


class TemplateCategory:
    def test_is_announced_a_day_ahead_and_then_done(self) -> None:
        row = order_shipped()
        told("template_category_update", of_template(new_category="UTILITY", correct_category="MARKETING"))
        row.refresh_from_db()
        assert (row.category, row.next_category) == ("UTILITY", "MARKETING")
        told("template_category_update", of_template(previous_category="UTILITY", new_category="MARKETING"), at=STAMP + 86400)
        row.refresh_from_db()
        assert (row.category, row.next_category) == ("MARKETING", "")

    def test_of_changed_words_asks_for_the_list(self) -> None:
        order_shipped()
        told("message_template_components_update", of_template(message_template_element="訂單 {{1}} 已寄出。"))
        assert TemplateSync.objects.get().asked_at


class NumberFacts:
    @pytest.mark.parametrize(
        ("stated", "limit"),
        [
            ("TIER_250", 250),
            ("TIER_2K", 2000),
            ("TIER_10K", 10_000),
            ("TIER_100K", 100_000),
            ("TIER_UNLIMITED", -1),
            (-1, -1),
            (2000, 2000),
            ("1000", 1000),
        ],
    )
    def test_have_one_messaging_limit_however_it_is_told(self, stated: Any, limit: int) -> None:
        told("business_capability_update", {"max_daily_conversations_per_business": stated, "max_phone_numbers_per_waba": 25})
        assert facts()["messaging_limit"] == limit
        assert changes("tier") == [("", str(limit))]

    def test_follow_quality_and_speed(self) -> None:
        told("phone_number_quality_update", {"event": "FLAGGED", "current_limit": "TIER_10K"})
        told("phone_number_quality_update", {"event": "UNFLAGGED", "current_limit": "TIER_10K"}, at=STAMP + 60)
        told("phone_number_quality_update", {"event": "THROUGHPUT_UPGRADE", "current_limit": "TIER_UNLIMITED"}, at=STAMP + 120)
        assert {name: facts()[name] for name in ("quality", "messaging_limit", "throughput")} == {
            "quality": "YELLOW",
            "messaging_limit": -1,
            "throughput": "HIGH",
        }
        assert changes("quality") == [("", "RED"), ("RED", "YELLOW")]
        assert changes("tier") == [("", "10000"), ("10000", "-1")]
        assert ("", "HIGH") in changes("speed")
        # The governor slows the number with the very notice, and lets it come back in steps.
        assert ("80/s", "8/s, no promotions") in changes("speed")

    def test_are_not_overtaken_by_older_ones(self) -> None:
        told("business_capability_update", {"max_daily_conversations_per_business": "TIER_10K"}, at=STAMP + 60)
        told("business_capability_update", {"max_daily_conversations_per_business": "TIER_2K"})
        assert facts()["messaging_limit"] == 10_000

    def test_that_say_nothing_change_nothing(self) -> None:
        told("phone_number_quality_update", {"event": "ONBOARDING", "current_limit": "TIER_NOT_SET"})
        assert not {"quality", "messaging_limit", "throughput"} & set(facts())

    def test_reach_every_number_of_the_account(self) -> None:
        hong_kong()
        tokyo(settings={**hong_kong().settings, "phone_number_id": "106540352242933"})
        told("business_capability_update", {"max_daily_conversations_per_business": "TIER_2K"})
        assert {row.facts["messaging_limit"] for row in Connection.objects.all()} == {2000}

    def test_of_a_named_number_are_its_own(self) -> None:
        hong_kong(address="+852 6810 2244")
        row = tokyo()
        Connection.objects.filter(pk=row.pk).update(settings=hong_kong().settings, address="+81 3 1234 5678")
        told("phone_number_quality_update", {"display_phone_number": "81312345678", "event": "FLAGGED", "current_limit": "TIER_2K"})
        assert "quality" not in facts()
        assert Connection.objects.get(slug="jp").facts["quality"] == "RED"

    def test_of_another_account_do_not_speak_for_ours(self) -> None:
        tokyo(secrets={"access_token": "EAA", "app_secret": "another" * 5, "verify_token": "x"}, settings=hong_kong().settings)
        told("account_update", {"event": "ACCOUNT_VIOLATION", "violation_info": {"violation_type": "ALCOHOL"}})
        assert Connection.objects.get(slug="jp").state == "active"


class Account:
    @pytest.mark.parametrize(
        ("value", "state", "words"),
        [
            ({"event": "ACCOUNT_VIOLATION", "violation_info": {"violation_type": "ALCOHOL"}}, "paused", "ALCOHOL"),
            (
                {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE", "waba_ban_date": "April 17, 2026"}},
                "paused",
                "DISABLE",
            ),
            (
                {
                    "event": "ACCOUNT_RESTRICTION",
                    "restriction_info": [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": 1795392000}],
                },
                "paused",
                "2026-11-23",
            ),
            ({"event": "ACCOUNT_DELETED"}, "misconfigured", "ACCOUNT_DELETED"),
            ({"event": "ACCOUNT_OFFBOARDED"}, "misconfigured", "ACCOUNT_OFFBOARDED"),
            ({"event": "PARTNER_REMOVED"}, "needs_login", "PARTNER_REMOVED"),
        ],
    )
    def test_stops_with_the_reason_and_an_alert(self, value: dict[str, Any], state: str, words: str) -> None:
        told("account_update", value)
        row = number()
        assert row.state == state and words in row.state_reason
        alert = Alert.objects.get(connection=row, closed_at=None)
        assert alert.level == "error" and words in alert.text
        assert changes("account") == [("", value["event"])]

    @pytest.mark.parametrize(
        "value",
        [
            {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "SCHEDULE_FOR_DISABLE", "waba_ban_date": "April 17, 2026"}},
            {"event": "ACCOUNT_RESTRICTION", "restriction_info": [{"restriction_type": "RESTRICTED_ADD_PHONE_NUMBER_ACTION"}]},
        ],
    )
    def test_goes_on_with_a_warning(self, value: dict[str, Any]) -> None:
        told("account_update", value)
        assert number().state == "active"
        assert Alert.objects.get().level == "warning"

    def test_goes_on_when_the_platform_lets_it(self) -> None:
        told("account_update", {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}})
        told("account_update", {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "REINSTATE"}}, at=STAMP + 60)
        assert number().state == "active"
        assert not Alert.objects.filter(closed_at=None).exists()

    def test_stays_stopped_when_the_older_word_comes_late(self) -> None:
        told("account_update", {"event": "ACCOUNT_OFFBOARDED"}, at=STAMP + 60)
        told("account_update", {"event": "ACCOUNT_RECONNECTED"})
        assert number().state == "misconfigured"

    def test_that_a_person_paused_is_not_let_go(self) -> None:
        pause(hong_kong(), by="mei", reason="stocktaking")
        told("account_update", {"event": "ACCOUNT_RECONNECTED"})
        assert number().state == "paused"

    @pytest.mark.parametrize("event", ["VERIFIED_ACCOUNT", "VOLUME_BASED_PRICING_TIER_UPDATE", "SOMETHING_NEW"])
    def test_news_of_no_consequence_are_kept(self, event: str) -> None:
        told("account_update", {"event": event})
        assert number().state == "active" and not Alert.objects.exists()
        assert facts()["account_update"]["event"] == event

    def test_alerts_and_security_are_shown(self) -> None:
        told(
            "account_alerts",
            {
                "entity_type": "BUSINESS",
                "alert_severity": "CRITICAL",
                "alert_type": "OBA_APPROVED",
                "alert_description": "limit increase denied",
            },
        )
        told("security", {"display_phone_number": "", "event": "PIN_RESET_REQUEST", "requester": "61555822107539"})
        told("phone_number_name_update", {"decision": "REJECTED", "requested_verified_name": "海港美容", "rejection_reason": "NAME_INFO"})
        texts = " ".join(Alert.objects.values_list("text", flat=True))
        assert all(word in texts for word in ("limit increase denied", "PIN_RESET_REQUEST", "海港美容"))


class Preferences:
    @pytest.mark.parametrize("value", ["stop", "resume"])
    def test_are_obeyed(self, value: str) -> None:
        customer()
        said = {"wa_id": "85291234567", "category": "marketing_messages", "value": value, "timestamp": STAMP}
        metadata = {"display_phone_number": "85268102244", "phone_number_id": hong_kong().account_id}
        told("user_preferences", {"messaging_product": "whatsapp", "metadata": metadata, "user_preferences": [said]})
        identity = Identity.objects.get(value="85291234567")
        assert (identity.marketing_opted_out_at == NOON) == (value == "stop")
        assert (identity.marketing_opt_in_at == NOON) == (value == "resume")


class Others:
    @pytest.mark.parametrize(
        "field", ["messaging_handovers", "flows", "calls", "group_lifecycle_update", "automatic_events", "something_of_next_year"]
    )
    def test_are_kept_and_listed(self, field: str) -> None:
        told(field, {"whatever": {"it": "says"}})
        item = InboundItem.objects.get()
        assert (item.kind, item.state, item.data["whatever"]) == (field, "processed", {"it": "says"})

    def test_history_switched_off_is_told(self) -> None:
        metadata = {"display_phone_number": "85268102244", "phone_number_id": hong_kong().account_id}
        refused = {"errors": [{"code": 2593109, "title": "History sync is turned off", "message": "History sharing is turned off"}]}
        told("history", {"messaging_product": "whatsapp", "metadata": metadata, "history": [refused]})
        assert "2593109" in Alert.objects.get().text
        assert facts()["coexistence"] is True

    def test_an_error_of_the_number_is_kept_on_its_page(self) -> None:
        metadata = {"display_phone_number": "85268102244", "phone_number_id": hong_kong().account_id}
        told("messages", {"messaging_product": "whatsapp", "metadata": metadata, "errors": [{"code": 130429, "title": "Rate limit hit"}]})
        assert facts()["errors"]["code"] == 130429
