"""The state machine of `tests.faults.machine`, in short. The long form takes 200 examples of 50 steps: FAULTS_SHARE=1."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.machine import Machine
from tests.faults.sabotage import sabotaged
from tests.faults.scale import SEED, size

pytestmark = pytest.mark.django_db
EXAMPLES, STEPS = size(5, 200), size(25, 50)


class Rewound(Machine):
    """Each example in a transaction of its own, undone at its end."""

    def __init__(self) -> None:
        self._example = transaction.atomic()
        self._example.__enter__()
        super().__init__()

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.rewind()

    def rewind(self) -> None:
        self.give_back()
        transaction.set_rollback(True)
        self._example.__exit__(None, None, None)
        forget_everything()


def forget_everything() -> None:
    from django.core.cache import cache

    from scrm.connections.adapters import forget_adapters
    from scrm.connections.services import forget

    forget()
    forget_adapters()
    cache.clear()


def run(examples: int, steps: int, *, chosen: int = SEED) -> None:
    chance = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
        print_blob=False,
    )
    random.seed(chosen)
    run_state_machine_as_test(seed(chosen)(Rewound), settings=chance)


def walk(way: Callable[[Rewound], None]) -> None:
    """These steps and no others, with every promise looked at on the way and at the end."""
    machine = Rewound()
    try:
        machine.a_shop_in_hong_kong()
        machine.write(["85291234567"])
        machine.take_in()
        way(machine)
        for promise in (machine.nothing_is_sent_twice, machine.nothing_is_stored_twice, machine.the_law_is_kept, machine.the_sums_add_up):
            promise()
        machine.everything_ends()
    finally:
        machine.rewind()


def ask(machine: Machine, *, source: str = "agent") -> None:
    machine.answer("85291234567", source, False, False)


def die_while_sending(machine: Machine) -> None:
    ask(machine)
    machine.die_between_answer_and_note()
    machine.send()
    machine.time_passes(2)
    machine.sweep()
    machine.send()


def repeat_a_body(machine: Machine) -> None:
    raw = machine.write(["85291234568"])
    machine.take_in()
    machine.repeat(raw)
    machine.take_in()


def wake_after_the_lease(machine: Machine) -> None:
    ask(machine)
    machine.claim_and_stall()
    machine.time_passes(2)
    machine.sweep()
    machine.send()
    machine.wake_late(False)


def hear_statuses_backwards(machine: Machine) -> None:
    ask(machine)
    machine.send()
    for word in ("read", "delivered"):
        machine.tell(word, 0, 0)
        machine.take_in()


def write_to_one_who_said_stop(machine: Machine) -> None:
    machine.opt_out("85291234567", "STOP")
    machine.take_in()
    machine.time_passes(6 * 60)
    ask(machine, source="rule")
    machine.send()


PATHS: dict[str, tuple[Callable[[Machine], None], str]] = {
    "resend_unknown": (die_while_sending, "K2"),
    "no_unique_item": (repeat_a_body, "K1"),
    "no_fence": (wake_after_the_lease, "K2"),
    "regress_states": (hear_statuses_backwards, "K5"),
    "forget_opt_out": (write_to_one_who_said_stop, "K4"),
}


@pytest.fixture(autouse=True)
def quickly(settings: Any) -> Iterator[None]:
    settings.RULE_SETTLE_SECONDS = 0
    yield
    assert connection.is_usable()


class TheMachine:
    def test_finds_no_promise_broken(self) -> None:
        run(EXAMPLES, STEPS)

    @pytest.mark.parametrize("sabotage", list(PATHS))
    def test_sees_what_a_missing_guard_lets_through(self, sabotage: str) -> None:
        """The few steps that lead to each broken promise; the whole product keeps it on the same way."""
        way, promise = PATHS[sabotage]
        walk(way)
        with sabotaged(sabotage), pytest.raises(AssertionError, match=promise):
            walk(way)
