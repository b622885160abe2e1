"""The story's content holds together: orders name real products, conversations can be spoken, templates are well-formed."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from scrm.sandbox.story import catalogue, dialogues, replies
from scrm.sandbox.story.orders import OrderFacts, has_order_under_way, orders_for

NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
PEOPLE = [
    *(("HK", f"8529{number:07d}") for number in range(1_234_000, 1_234_025)),
    *(("TW", f"8869{number:08d}") for number in range(12_345_000, 12_345_025)),
    *(("JP", f"8190{number:08d}") for number in range(12_345_000, 12_345_025)),
    *(("SG", f"659{number:07d}") for number in range(1_234_000, 1_234_025)),
]


def of_kind(need: str, country: str) -> list[OrderFacts]:
    """The orders of the first person there who has one of the kind that a dialogue needs, and none under way if "delivered"."""
    wanted = dialogues.STATUSES[need or "delivered"]
    for number in range(400):
        orders = orders_for(f"{country}{number}", country, NOW)
        if orders[0]["status"] in wanted:
            return orders
    raise AssertionError(f"nobody in {country} has an order that is {need}")


class TestCatalogue:
    def test_skus_are_unique_and_every_product_has_all_names_and_prices(self) -> None:
        assert len({product.sku for product in catalogue.PRODUCTS}) == len(catalogue.PRODUCTS) >= 20
        for product in catalogue.PRODUCTS:
            assert set(product.names) == {"en", "ja", "zh-hant", "zh-hans"}
            assert set(product.prices) == set(catalogue.CURRENCY_OF.values())
            assert all(price > 0 for price in product.prices.values())

    def test_no_alias_means_two_products(self) -> None:
        counted = Counter(alias.casefold() for product in catalogue.PRODUCTS for alias in set(product.aliases))
        assert [alias for alias, number in counted.items() if number > 1] == []


class TestOrders:
    @pytest.mark.parametrize(("country", "key"), PEOPLE[::8])
    def test_same_person_same_history(self, country: str, key: str) -> None:
        assert orders_for(key, country, NOW) == orders_for(key, country, NOW)

    def test_everyone_has_an_order_and_about_half_have_one_under_way(self) -> None:
        histories = [orders_for(key, country, NOW) for country, key in PEOPLE]
        assert min(map(len, histories)) >= 1
        under_way = sum(map(has_order_under_way, histories))
        assert 0.35 < under_way / len(histories) < 0.65

    def test_lines_are_of_the_catalogue_at_its_price_and_add_up(self) -> None:
        for country, key in PEOPLE:
            for order in orders_for(key, country, NOW):
                assert order["currency"] == catalogue.CURRENCY_OF[country]
                for line in order["lines"]:
                    assert line["unit_price"] == catalogue.product(line["sku"]).prices[order["currency"]]
                assert order["total"] == sum((line["unit_price"] * line["qty"] for line in order["lines"]), Decimal(0))

    def test_times_and_shipments_fit_the_status(self) -> None:
        for country, key in PEOPLE:
            for order in orders_for(key, country, NOW):
                assert order["number"].startswith(f"{country}-")
                assert order["placed_at"] < NOW
                shipment = order["shipment"]
                assert (shipment is None) == (order["status"] == "paid")
                if shipment is not None:
                    assert shipment["tracking_number"] in shipment["tracking_url"]
                    assert "#" not in shipment["tracking_number"]
                    assert (shipment["status"] == "delivered") == (order["status"] == "delivered")
                    assert (shipment["eta"] < NOW) == (order["status"] == "delivered")

    def test_numbers_differ_between_people(self) -> None:
        numbers = [order["number"] for country, key in PEOPLE for order in orders_for(key, country, NOW)]
        assert len(set(numbers)) == len(numbers)


class TestDialogues:
    def test_there_are_about_sixty_in_four_countries_and_five_languages(self) -> None:
        every = dialogues.dialogues()
        assert len(every) >= 60
        assert len({dialogue.key for dialogue in every}) == len(every)
        assert {dialogue.country for dialogue in every} == {"HK", "TW", "JP", "SG"}
        assert {dialogue.language for dialogue in every} == set(dialogues.STATE_WORDS)

    @pytest.mark.parametrize("dialogue", dialogues.dialogues(), ids=lambda dialogue: dialogue.key)
    def test_can_be_spoken_without_blanks(self, dialogue: dialogues.Dialogue) -> None:
        turns = dialogues.spoken(dialogue, of_kind(dialogue.order, dialogue.country))
        offsets = [at for at, _, _ in turns]
        assert offsets == sorted(offsets)
        assert len(turns) >= 2
        for _, who, what in turns:
            assert who in {"customer", "agent"}
            if isinstance(what, str):
                assert what.strip()
                assert not re.search(r"[{}]", what)
            elif "image" in what:
                assert what["image"] in dialogues.IMAGES
            else:
                assert set(what["location"]) == {"latitude", "longitude", "name", "address"}

    def test_blanks_are_used_only_where_an_order_is_needed(self) -> None:
        for dialogue in dialogues.dialogues():
            texts = [what for _, _, what in dialogue.turns if isinstance(what, str)]
            if any("{" in text for text in texts):
                assert dialogue.order, dialogue.key

    def test_speaks_of_the_order_that_the_customer_has(self) -> None:
        orders = of_kind("under_way", "JP")
        dialogue = next(one for one in dialogues.dialogues() if one.key == "jp-order-1")
        said = "".join(what for _, _, what in dialogues.spoken(dialogue, orders) if isinstance(what, str))
        assert orders[0]["number"] in said

    def test_refuses_to_speak_of_an_order_that_is_not_there(self) -> None:
        dialogue = next(one for one in dialogues.dialogues() if one.order == "under_way")
        with pytest.raises(ValueError, match="needs an order"):
            dialogues.spoken(dialogue, of_kind("delivered", "HK"))

    def test_customers_get_only_what_fits_their_country_and_orders(self) -> None:
        fitting = dialogues.dialogues_for("TW", of_kind("delivered", "TW"))
        assert fitting
        assert {dialogue.country for dialogue in fitting} == {"TW"}
        assert "under_way" not in {dialogue.order for dialogue in fitting}

    def test_traditional_and_simplified_are_not_mixed(self) -> None:
        simplified_only = set("们这个么说没买订单发货收马谢请问哪里") - set("買個說沒這們單發貨馬謝請問裡哪里收")
        for dialogue in dialogues.dialogues():
            if dialogue.language in {"zh-hk", "zh-hant"}:
                text = "".join(what for _, _, what in dialogue.turns if isinstance(what, str))
                assert not simplified_only & set(text), dialogue.key


class TestReplies:
    def test_every_quick_reply_is_there_in_every_language(self) -> None:
        assert len({reply.shortcut for reply in replies.QUICK_REPLIES}) == len(replies.QUICK_REPLIES) >= 6
        for reply in replies.QUICK_REPLIES:
            assert set(reply.texts) == set(replies.LANGUAGES)
            assert all(text.strip() for text in reply.texts.values())

    def test_templates_have_an_example_for_each_variable(self) -> None:
        keys = [(template["name"], template["language"]) for template in replies.MESSAGE_TEMPLATES]
        assert len(set(keys)) == len(keys)
        for template in replies.MESSAGE_TEMPLATES:
            body = next(part for part in template["components"] if part["type"] == "BODY")
            variables = {int(number) for number in re.findall(r"\{\{(\d+)\}\}", body["text"])}
            assert variables == set(range(1, len(body["example"]["body_text"][0]) + 1))

    def test_promotions_say_how_to_opt_out(self) -> None:
        for template in replies.MESSAGE_TEMPLATES:
            footers = [part["text"] for part in template["components"] if part["type"] == "FOOTER"]
            assert (template["category"] == "MARKETING") == any(re.search("STOP|配信停止|退訂", footer) for footer in footers)
