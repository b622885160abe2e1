from __future__ import annotations

from typing import Any

import pytest

from scrm.automation import shipped
from scrm.automation.actions import ACTIONS
from scrm.automation.forms import RuleForm
from scrm.automation.models import Rule
from scrm.tags.models import Tag

pytestmark = pytest.mark.django_db


def filled(**fields: Any) -> dict[str, Any]:
    values = {"name": "Greeting", "enabled": "on", "trigger": "message.received", "conditions": "{}", "action": "reply", "order": "10"}
    return {**values, "option_reply_text": "Hello", **fields}


class RuleFormFields:
    def test_every_option_of_every_action_has_its_field(self) -> None:
        form = RuleForm()
        names = [name for fields in form.action_fields.values() for name in fields]
        assert set(form.action_fields) == set(ACTIONS)
        assert set(names) <= set(form.fields)
        assert len(names) == sum(len(action.options) for action in ACTIONS.values())

    def test_choices_are_those_of_the_moment(self) -> None:
        Tag.objects.create(slug="vip", name="VIP")
        assert ("vip", "VIP") in RuleForm().fields["option_add_tag_tag"].choices  # type: ignore[attr-defined]

    def test_shows_what_is_stored(self) -> None:
        rule = Rule.objects.create(name="Greeting", action="reply", options={"text": "Hello", "text_ja": "こんにちは"})
        assert RuleForm(instance=rule).initial["option_reply_text_ja"] == "こんにちは"


class SaveThroughTheForm:
    def test_keeps_only_the_options_of_the_chosen_action(self) -> None:
        form = RuleForm(filled(option_reply_text_ja="こんにちは", option_assign_take_over="on"))
        assert form.is_valid(), form.errors
        rule = form.save()
        assert rule.options == {"text": "Hello", "text_ja": "こんにちは"}
        assert (rule.pk is not None, rule.version, rule.conditions) == (True, 1, {})

    def test_a_change_is_a_new_version_and_a_new_name_is_not(self) -> None:
        rule = RuleForm(filled()).save()
        assert RuleForm(filled(name="Welcome"), instance=rule).save().version == 1
        assert RuleForm(filled(name="Welcome", option_reply_text="Good day"), instance=rule).save().version == 2

    def test_a_form_with_errors_saves_nothing(self) -> None:
        with pytest.raises(ValueError, match="could not be created"):
            RuleForm(filled(conditions="[")).save()
        assert not Rule.objects.exists()

    def test_an_option_that_is_needed_is_asked_for(self) -> None:
        form = RuleForm(filled(option_reply_text=""))
        assert not form.is_valid()
        assert "option_reply_text" in form.errors

    @pytest.mark.parametrize(
        ("conditions", "words"),
        [
            ('{"term": "weather", "op": "is", "value": "rain"}', "There is no term"),
            ('{"all": []}', "at least one"),
            ('{"all": ', "JSON"),
            ('["tag"]', "written in braces"),
        ],
    )
    def test_wrong_conditions_are_explained_in_words(self, conditions: str, words: str) -> None:
        form = RuleForm(filled(conditions=conditions))
        assert not form.is_valid()
        assert words in str(form.errors["conditions"])


class ShippedRules:
    def test_are_switched_on_and_installed_once(self) -> None:
        assert (shipped.install(), shipped.install()) == (2, 0)
        assert set(Rule.objects.filter(enabled=True).values_list("name", "settle_seconds")) == {("Order status", 1), ("Human please", 1)}

    def test_can_be_edited_in_the_form(self) -> None:
        shipped.install()
        for rule in Rule.objects.all():
            data = {
                "name": rule.name,
                "trigger": rule.trigger,
                "conditions": '{"term": "message.tag", "op": "is", "value": "price"}',
                "action": rule.action,
            }
            form = RuleForm({**data, "order": rule.order, "settle_seconds": 3}, instance=rule)
            assert form.is_valid(), form.errors
            assert form.save().version == 2
