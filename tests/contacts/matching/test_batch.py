"""A list compared in memory: as the database's contacts are compared, in however many processes."""

from __future__ import annotations

import multiprocessing
import random
from datetime import date, timedelta
from itertools import combinations
from typing import Any

import pytest

from scrm.contacts.matching import batch, evidence, keys, profile
from scrm.contacts.matching.profile import Facts, prepare
from scrm.contacts.matching.rules import Settings
from scrm.contacts.matching.weights import DEFAULT

FAMILIES = ["陳", "Chan", "林", "Lam", "山田", "Yamada", "黃", "Wong", "Tan"]
GIVEN = ["大文", "Tai Man", "小明", "Siu Ming", "太郎", "Taro", "美玲", "Mei Ling", "Peter"]
SKUS = ["A1", "B2", "C3", "D4"]


def people(count: int, seed: int) -> list[Facts]:
    """Some of them are there twice, with something of the first one's."""
    chance = random.Random(seed)
    found: list[Facts] = []
    for pk in range(1, count + 1):
        twin = chance.choice(found) if found and chance.random() < 0.4 else None
        day = date(2026, 3, 1) + timedelta(days=chance.randrange(120))
        name = twin.name if twin and chance.random() < 0.7 else f"{chance.choice(FAMILIES)} {chance.choice(GIVEN)}"
        phones = twin.phones if twin and chance.random() < 0.5 else (f"+8529{chance.randrange(10**6, 10**7)}",)
        emails = (
            twin.emails if twin and chance.random() < 0.5 else (f"p{chance.randrange(500)}@example.com",) if chance.random() < 0.5 else ()
        )
        bought = twin.purchases if twin and chance.random() < 0.5 else ((chance.choice(SKUS), day),)
        found.append(Facts(pk * 3, name, phones=phones, emails=emails, purchases=bought, country=chance.choice(["", "HK", "TW"])))
    return found


def plain(found: Any) -> dict[Any, Any]:
    return {pair: (round(each.score, 9), each.proposed, each.apart, sorted(map(repr, each.items))) for pair, each in found.items()}


@pytest.mark.processes
@pytest.mark.any_database
@pytest.mark.parametrize("seed", [1, 2])
def test_several_processes_find_what_one_finds(seed: int) -> None:
    facts = people(300, seed)
    alone = batch.find(facts, Settings(), DEFAULT)
    assert len(alone) > 50
    assert plain(batch.find(facts, Settings(), DEFAULT, 2)) == plain(batch.find(facts, Settings(), DEFAULT, 3)) == plain(alone)
    assert plain(batch.compare(batch.prepare(facts), Settings(), DEFAULT)) == plain(alone)


def test_where_processes_cannot_be_forked_one_does_all(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = people(60, 4)
    alone = batch.find(facts, Settings(), DEFAULT)
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    assert plain(batch.find(facts, Settings(), DEFAULT, 2)) == plain(alone) != {}


def test_who_shares_a_key_is_compared_and_nobody_else() -> None:
    facts = people(120, 3)
    held = {each.pk: keys.keys(prepare(each)) for each in facts}
    # Keys of too many are left out; among so few there are none but those of purchases.
    sizes: dict[int, int] = {}
    for each in held.values():
        for key in each:
            sizes[key] = sizes.get(key, 0) + 1
    small = {pk: {key for key in each if sizes[key] <= keys.LARGEST[keys.kind_of(key)]} for pk, each in held.items()}
    prepared = batch.prepare(facts)
    ids = [each.pk for each in prepared.profiles]
    compared = {(ids[pair >> 26], ids[pair & ((1 << 26) - 1)]) for pair in prepared.pairs}
    assert compared == {(a, b) for a, b in combinations(sorted(held), 2) if small[a] & small[b]}


def test_evidence_is_told_with_the_ids_of_the_list() -> None:
    day = date(2026, 3, 1)
    chat = Facts(10, "阿文", phones=("+85291234567",))
    order = Facts(20, "陳大文", phones=("+85291234567",), emails=("taiman.chan@example.com",), purchases=(("A1", day),))
    form = Facts(30, "Chan Tai Man", emails=("taiman.chan@example.com",), purchases=(("A1", day),))
    found = batch.find([chat, order, form], Settings(), DEFAULT)
    told = {code: shown for code, _, shown in found[20, 30].items}
    assert told["same_email"] == {"value": "taiman.chan@example.com"} and found[20, 30].score > 0.9
    third = {shown["contact"] for each in found.values() for code, _, shown in each.items if code.startswith("another_record")}
    assert third and third <= {10, 20, 30}
    assert frozenset({20, 30}) <= batch.groups(found)[0]


def test_what_a_process_hands_over_is_what_it_had() -> None:
    whole = Facts(
        7, "Miss Chan Tai Man", "", ("+85291234567",), frozenset({"+85291234567"}), ("+6591234567",), ("a@example.com",), ("tai",),
        (("line_user:x", "U1"),), ("member:9",), date(1980, 1, 2), "Pioneer", "8 Outtrim Avenue", "Shatin", "4020", "HK",
        (("A1", date(2026, 3, 1)),),
    )  # fmt: skip
    made = prepare(whole)
    assert made.fields == (1 << 10) - 1, "it has everything that one can have"
    assert profile.unpacked(profile.packed(made)) == made


def test_nobody_and_one_alone() -> None:
    assert batch.find([], Settings(), DEFAULT) == {} == batch.find([Facts(1, "陳大文")], Settings(), DEFAULT, 2)
    assert batch.groups({}) == []


def test_who_contradicts_is_not_grouped_by_others() -> None:
    one = Facts(1, "陳大文", phones=("+85291234567",), birthday=date(1980, 1, 2))
    other = Facts(2, "陳大文", phones=("+85291234567",), birthday=date(1990, 5, 6))
    found = batch.find([one, other], Settings(review_from=1), DEFAULT)
    assert found and all(each.apart == (each.score < evidence.ALL_THE_SAME) for each in found.values())
