"""Work shared among forked processes: what comes back, what is exchanged, and what becomes of errors and of processes that die."""

from __future__ import annotations

import gc
import os
import signal
import time
from typing import Any

import pytest

from scrm.core.spreading import Exchange, Failed, spread, undisturbed

pytestmark = pytest.mark.processes


def test_everybody_does_a_part_and_sees_what_was_there() -> None:
    numbers = list(range(10))
    found = spread(3, lambda number, _: [os.getpid() if each == 0 else each for each in numbers[number::3]])
    assert [each[1:] for each in found] == [[3, 6, 9], [4, 7], [5, 8]]
    assert found[0][0] == os.getpid() and found[1][0] == 1


def test_what_one_has_all_have_after_an_exchange() -> None:
    def work(number: int, exchange: Exchange) -> Any:
        first = exchange({"of": number, "text": "陳" * number})
        return exchange([number, len(first), first[2 - number]["of"]])

    assert spread(3, work) == [[[0, 3, 2], [1, 3, 1], [2, 3, 0]]] * 3


def test_one_process_exchanges_with_itself() -> None:
    assert spread(1, lambda number, exchange: exchange(number + 5)) == [[5]]


def test_more_than_a_pipe_holds_goes_through() -> None:
    large = b"x" * 3_000_000
    assert [len(each) for each in spread(2, lambda _, exchange: exchange(large)[1])] == [len(large)] * 2


@pytest.mark.parametrize("whose", [0, 1])
def test_an_error_of_one_is_everybodys(whose: int) -> None:
    def work(number: int, exchange: Exchange) -> Any:
        if number == whose:
            raise ValueError("the seventh row")
        return exchange(number)

    with pytest.raises((ValueError, Failed), match="the seventh row"):
        spread(2, work)
    assert not _children()


def test_a_process_that_is_killed_is_not_waited_for() -> None:
    def work(number: int, exchange: Exchange) -> Any:
        if number:
            os.kill(os.getpid(), signal.SIGKILL)
        return exchange(number)

    began = time.monotonic()
    with pytest.raises(Failed, match="ended before its work was done"):
        spread(2, work)
    assert time.monotonic() - began < 30 and not _children()


def _children() -> list[str]:
    with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as file:
        return file.read().split()


@pytest.mark.parametrize("before", [True, False])
def test_looking_for_cycles_is_as_it_was_afterwards(before: bool) -> None:
    was = gc.isenabled()
    try:
        gc.enable() if before else gc.disable()
        with undisturbed():
            assert not gc.isenabled()
        assert gc.isenabled() is before
    finally:
        gc.enable() if was else gc.disable()


def test_an_error_does_not_wait_for_what_the_others_are_at() -> None:
    def work(number: int, exchange: Exchange) -> Any:
        if number:
            time.sleep(60)
        raise ValueError("at once")

    began = time.monotonic()
    with pytest.raises(ValueError, match="at once"):
        spread(3, work)
    assert time.monotonic() - began < 30 and not _children()
