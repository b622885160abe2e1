"""Decisions become weights only in a draft, its effect is shown, a person publishes it, and publishing is taken back by publishing."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from scrm.contacts.matching import learning, publishing
from scrm.contacts.matching.finding import match_contacts
from scrm.contacts.matching.regression import refit
from scrm.contacts.matching.rules import Settings
from scrm.contacts.matching.weights import DEFAULT
from scrm.contacts.models import Contact, DuplicateCandidate, MatchRules
from tests.contacts.matching.test_cases import contact

CODES = ["name_same", "same_phone", "same_email", "same_city", "different_phone"]
EXAMPLES = st.lists(st.tuples(st.dictionaries(st.sampled_from(CODES), st.just(1.0), min_size=1), st.booleans()), max_size=40)


class Regression:
    def test_nothing_decided_changes_nothing(self) -> None:
        assert refit(DEFAULT, []) == pytest.approx(DEFAULT, abs=1e-4)

    def test_evidence_that_misled_counts_less(self) -> None:
        misled = [({"name_same": 1.0, "same_city": 1.0}, False)] * 150
        assert refit(DEFAULT, misled)["same_city"] < DEFAULT["same_city"] - 0.5

    def test_few_decisions_move_weights_little(self) -> None:
        learned = refit(DEFAULT, [({"same_phone": 1.0, "name_same": 1.0}, False)] * 3)
        assert abs(learned["same_phone"] - DEFAULT["same_phone"]) < 1.5

    @settings(max_examples=50, deadline=None)
    @given(EXAMPLES)
    def test_bias_is_held_and_weights_stay_finite(self, examples: list) -> None:
        learned = refit(DEFAULT, examples)
        assert learned["bias"] == pytest.approx(DEFAULT["bias"], abs=1e-4)
        assert all(abs(weight) < 30 for weight in learned.values())


@pytest.mark.django_db
class Publishing:
    def test_draft_changes_nothing(self) -> None:
        publishing.draft(by="mei", settings=Settings(review_from=90.0))
        assert publishing.in_force() == publishing.AS_DELIVERED

    def test_published_version_counts_and_the_earlier_one_can_come_back(self) -> None:
        first = publishing.publish(publishing.draft(by="mei"), by="mei")
        second = publishing.publish(publishing.draft(by="mei", settings=Settings(name_similarity=90)), by="ken")
        assert publishing.in_force().settings.name_similarity == 90
        first.refresh_from_db()
        assert first.state == "retired"
        publishing.publish(first, by="mei")
        assert publishing.in_force().version == first.version
        second.refresh_from_db()
        assert (second.state, second.published_by) == ("retired", "ken")

    def test_settings_that_make_no_sense_are_refused(self) -> None:
        with pytest.raises(ValidationError):
            publishing.draft(by="mei", settings=Settings(review_from=90.0, merge_from=80.0))

    def test_effect_counts_what_a_draft_would_show(self) -> None:
        rows = [contact("陳大文", phone="+85291234567"), contact("CHAN Tai Man", phone="+85291234567")]
        match_contacts([row.pk for row in rows])
        draft = publishing.draft(by="mei", weights={**DEFAULT, "same_phone": -9.0})
        effect = learning.count_effect(draft).effect
        assert (effect["contacts"], effect["looked_at"], effect["no_longer"], effect["newly"]) == (2, 2, 1, 0)
        assert DuplicateCandidate.objects.get().state == "open"

    def test_learning_needs_decisions_of_both_kinds(self) -> None:
        with pytest.raises(ValidationError, match="decisions"):
            learning.learn(by="mei")
        assert not MatchRules.objects.exists()

    def test_learns_into_a_draft(self) -> None:
        rows = [contact(f"陳大{chr(0x4E00 + n)}", phone=f"+852912{n // 2:05d}") for n in range(80)]
        now = rows[0].created_at
        lines = [
            {"code": code, "for": True, "weight": 1.0, "with": {}}
            for code in ("name_given_differs", "same_phone", "another_name_on_number")
        ]
        for n in range(0, 80, 2):
            DuplicateCandidate.objects.create(
                first=rows[n],
                second=rows[n + 1],
                score=0.6,
                evidence=lines,
                state="apart" if n % 8 else "merged",
                found_at=now,
                decided_at=now,
            )
        draft = learning.learn(by="mei")
        assert draft.state == "draft" and publishing.in_force() == publishing.AS_DELIVERED
        assert draft.weights["another_name_on_number"] < DEFAULT["another_name_on_number"]
        assert draft.effect["decided"] == 40
        assert Contact.objects.filter(merged_into=None).count() == 80
