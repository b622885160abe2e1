"""Who gets a conversation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from scrm.staff.choosing import Agent, Desk, Need, choose_agent, choose_desk

NOON = datetime(2026, 11, 27, 4, 0, tzinfo=UTC)


class Teams:
    def test_the_one_that_is_there_for_the_tag(self) -> None:
        desks = [Desk(1), Desk(2, skills=frozenset({"return"})), Desk(3, skills=frozenset({"wholesale"}))]
        assert choose_desk(desks, Need(7, tags=frozenset({"return"}))) == desks[1]

    def test_the_one_that_speaks_the_language(self) -> None:
        desks = [Desk(1, languages=frozenset({"ja"})), Desk(2, languages=frozenset({"zh"}))]
        assert choose_desk(desks, Need(7, language="zh-hant-hk")) == desks[1]

    def test_the_one_for_the_number_goes_before_the_one_for_all(self) -> None:
        desks = [Desk(1), Desk(2, numbers=frozenset({7}))]
        assert choose_desk(desks, Need(7)) == desks[1] and choose_desk(desks, Need(8)) == desks[0]

    def test_an_open_one_goes_before_a_closed_one(self) -> None:
        assert choose_desk([Desk(1, open=False, numbers=frozenset({7})), Desk(2)], Need(7)) == Desk(2)

    def test_nobody_when_none_is_there_for_it(self) -> None:
        assert choose_desk([Desk(1, languages=frozenset({"ja"}))], Need(7, language="en")) is None


class People:
    def test_whoever_spoke_last_goes_first_while_there_is_room(self) -> None:
        agents = [Agent(1, True, 0, 20), Agent(2, True, 19, 20)]
        assert choose_agent(agents, Need(7, last_agent=2)) == agents[1]
        assert choose_agent([agents[0], Agent(2, True, 20, 20)], Need(7, last_agent=2)) == agents[0]

    def test_language_goes_before_load(self) -> None:
        agents = [Agent(1, True, 0, 20, languages=frozenset({"ja"})), Agent(2, True, 10, 20, languages=frozenset({"zh"}))]
        assert choose_agent(agents, Need(7, language="zh-tw")) == agents[1]

    def test_load_is_a_share_of_what_one_can_carry(self) -> None:
        agents = [Agent(1, True, 5, 10), Agent(2, True, 8, 40)]
        assert choose_agent(agents, Need(7)) == agents[1]

    def test_equals_take_turns(self) -> None:
        agents = [Agent(1, True, 3, 10, last_at=NOON), Agent(2, True, 3, 10, last_at=NOON - timedelta(minutes=1))]
        assert choose_agent(agents, Need(7)) == agents[1]

    def test_nobody_who_is_away_or_full(self) -> None:
        assert choose_agent([Agent(1, False, 0, 10), Agent(2, True, 10, 10)], Need(7)) is None

    @given(st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(0, 30)), max_size=12))
    def test_is_somebody_with_room_whenever_there_is_one(self, rows: list[tuple[bool, int, int]]) -> None:
        agents = [Agent(place, here, load, capacity) for place, (here, load, capacity) in enumerate(rows)]
        chosen = choose_agent(agents, Need(7))
        assert (chosen is not None) == any(agent.has_room for agent in agents)
        assert chosen is None or chosen.has_room
