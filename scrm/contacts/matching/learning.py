"""What supervisors decided, as labels: new weights go into a draft whose effect is counted, and a person publishes it or does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, Q
from django.utils.translation import gettext as _

from scrm.contacts.family import rooted
from scrm.contacts.matching import evidence, publishing, store, ties, together
from scrm.contacts.matching.collective import FAINT
from scrm.contacts.matching.comparing import likenesses
from scrm.contacts.matching.publishing import Rules, in_force, rules_of
from scrm.contacts.matching.regression import FEWEST, Example, refit
from scrm.contacts.models import Contact, DuplicateCandidate, MatchRules

State = DuplicateCandidate.State
# The latest decisions count; more would only repeat them.
_LATEST = 5_000
_STEP = 500


@dataclass(frozen=True, slots=True)
class Effect:
    """Of a draft beside the version in force. `looked_at` of `contacts` were compared again by both.

    `newly`, `no_longer`: pairs that only the draft shows to people, only the one in force. `proposed_newly`, `proposed_no_longer`: the
    same of pairs proposed for merging. `decided`: pairs that people decided; of those that a version would show, how many are one person:
    `precision` (the draft's) and `precision_now`; `recall` and `recall_now`: how many of those that are one person it would show.
    """

    contacts: int = 0
    looked_at: int = 0
    newly: int = 0
    no_longer: int = 0
    proposed_newly: int = 0
    proposed_no_longer: int = 0
    decided: int = 0
    precision: float | None = None
    precision_now: float | None = None
    recall: float | None = None
    recall_now: float | None = None


def labels() -> list[Example]:
    """Decided pairs with the evidence that was shown; linked ones are two people who belong together, so two people."""
    rows = DuplicateCandidate.objects.filter(state__in=[State.MERGED, State.APART, State.LINKED]).exclude(evidence=[])
    # Kept apart once, and made one person since: the later decision counts, and no pair stands for it.
    rows = rows.alias(_survivor=rooted("first"), _other_survivor=rooted("second")).exclude(
        Q(state__in=[State.APART, State.LINKED]), Q(_survivor=F("_other_survivor"))
    )
    latest = rows.order_by("-decided_at", "-pk").values_list("evidence", "state")[:_LATEST]
    return [(evidence.amounts(lines), state == State.MERGED) for lines, state in latest]


def check() -> list[Example]:
    """The labels. Raises ValidationError when too little was decided to learn from."""
    examples = labels()
    if len(examples) < FEWEST or len({same for _, same in examples}) < 2:
        text = _("There are %(count)s decisions; at least %(least)s are needed, of both kinds.")
        raise ValidationError(text % {"count": len(examples), "least": FEWEST})
    return examples


def learned() -> dict[str, float]:
    """The weights in force moved towards what people decided."""
    return refit(in_force().weights, check())


def learn(*, by: str) -> MatchRules:
    """A draft with weights drawn from decisions, its effect counted."""
    note = _("Learned from %(count)s decisions") % {"count": len(check())}
    return count_effect(publishing.draft(by=by, weights=learned(), note=note))


def count_effect(row: MatchRules, *, most: int = 20_000) -> MatchRules:
    """Compare what is stored by both versions and note the difference on the draft. Changes nothing else."""
    row.effect = asdict(effect(rules_of(row), in_force(), most=most))
    row.save(update_fields=["effect"])
    return row


def effect(new: Rules, now: Rules, *, most: int = 20_000) -> Effect:
    """`most`: so many contacts are compared again, spread evenly over all."""
    counts: dict[str, Any] = dict.fromkeys(("newly", "no_longer", "proposed_newly", "proposed_no_longer"), 0)
    contacts = Contact.objects.filter(merged_into=None).count()
    looked_at = 0
    for ids in _spread(contacts, most):
        looked_at += len(ids)
        before, after = _shown(ids, now), _shown(ids, new)
        counts["newly"] += len(after.keys() - before.keys())
        counts["no_longer"] += len(before.keys() - after.keys())
        proposed, proposed_now = ({pair for pair, yes in each.items() if yes} for each in (after, before))
        counts["proposed_newly"] += len(proposed - proposed_now)
        counts["proposed_no_longer"] += len(proposed_now - proposed)
    return Effect(contacts, looked_at, **counts, **_on_decided(new, now))


def _shown(ids: list[int], rules: Rules) -> dict[tuple[int, int], bool]:
    """The pairs that a version shows, each counted on the side of its lower id."""
    direct = likenesses(store.load(ids), rules, least=FAINT)
    around = together.overlaid(ties.around(ids), direct, ids)
    found = together.judged(ids, around, rules, {(each.first, each.second): each for each in direct}, lower_only=True)
    return {pair: likeness.proposed for pair, likeness in found.items() if likeness is not None}


def _spread(contacts: int, most: int) -> Iterator[list[int]]:
    rows = Contact.objects.filter(merged_into=None).order_by("pk").values_list("pk", flat=True)
    every = max(1, -(-contacts // most))
    chosen = [pk for place, pk in enumerate(rows.iterator(chunk_size=10_000)) if place % every == 0]
    for start in range(0, len(chosen), _STEP):
        yield chosen[start : start + _STEP]


def _on_decided(new: Rules, now: Rules) -> dict[str, Any]:
    examples = labels()
    found: dict[str, Any] = {"decided": len(examples)}
    for ending, rules in (("", new), ("_now", now)):
        least = rules.settings.review_from / 100
        shown = [same for features, same in examples if _likely(features, rules) >= least]
        true = sum(same for _, same in examples)
        found[f"precision{ending}"] = round(sum(shown) / len(shown), 4) if shown else None
        found[f"recall{ending}"] = round(sum(shown) / true, 4) if true else None
    return found


def _likely(features: Any, rules: Rules) -> float:
    return evidence.score([(code, amount, {}) for code, amount in features.items()], rules.weights)
