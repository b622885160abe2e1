"""Slow, endless and broken bodies before the application's door."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from typing import Any

import pytest

from scrm.core import entrance
from scrm.core.entrance import Entrance


class Slowly:
    """A body that never comes, until it is let go."""

    def __init__(self) -> None:
        self.asked, self.over = threading.Event(), threading.Event()

    def read(self, size: int) -> bytes:
        self.asked.set()
        self.over.wait(20)
        return b""


def repeat(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [])
    return [environ["CONTENT_LENGTH"].encode() or b"-", environ["wsgi.input"].read()]


def ask(to: Entrance, stream: Any = None, path: str = "/", **environ: str) -> tuple[str, bytes]:
    answered: list[str] = []
    asked = {"PATH_INFO": path, "wsgi.input": stream or io.BytesIO(), **environ}
    content = b"".join(to(asked, lambda status, headers: answered.append(status)))
    return answered[0][:3], content


@pytest.fixture
def door() -> Entrance:
    return Entrance(repeat, threads=2, limits={"/webhooks/": 1000}, readers=3)


class Bodies:
    def test_arrive_whole_and_with_their_length(self, door: Entrance) -> None:
        assert ask(door, io.BytesIO(b"a" * 500), CONTENT_LENGTH="500") == ("200", b"500" + b"a" * 500)

    def test_in_chunks_too(self, door: Entrance) -> None:
        assert ask(door, io.BytesIO(b"a" * 500), HTTP_TRANSFER_ENCODING="Chunked") == ("200", b"500" + b"a" * 500)

    def test_that_are_large_do_not_stay_in_memory(self, door: Entrance) -> None:
        size = entrance.IN_MEMORY + 5
        status, content = ask(door, io.BytesIO(bytes(size)), CONTENT_LENGTH=str(size))
        assert (status, len(content)) == ("200", size + len(str(size)))

    def test_larger_than_their_path_allows_are_refused_unread(self, door: Entrance) -> None:
        stream = io.BytesIO(bytes(1001))
        assert ask(door, stream, "/webhooks/whatsapp/hk/", CONTENT_LENGTH="1001")[0] == "413"
        assert stream.tell() == 0

    def test_without_end_are_cut_off(self, door: Entrance) -> None:
        class Endless:
            given = 0

            def read(self, size: int) -> bytes:
                self.given += size
                return bytes(size)

        stream = Endless()
        assert ask(door, stream, "/webhooks/whatsapp/hk/", HTTP_TRANSFER_ENCODING="chunked")[0] == "413"
        assert stream.given <= 2 * entrance.PIECE

    def test_whose_sender_went_away_are_not_worked_on(self, door: Entrance) -> None:
        assert ask(door, io.BytesIO(b"half"), CONTENT_LENGTH="500")[0] == "400"

    @pytest.mark.parametrize("length", ["-1", "x", "１", "1e3", "9" * 40])
    def test_of_no_length_are_refused(self, door: Entrance, length: str) -> None:
        assert ask(door, CONTENT_LENGTH=length)[0] == "400"


class SlowClients:
    """As many as may read at once hold their bodies back; `readers` is three here."""

    def besieged(self, door: Entrance) -> tuple[str, str]:
        """The answers to a body and to a request without one, while three bodies are on their way."""
        held = [Slowly() for _ in range(3)]
        threads = [threading.Thread(target=ask, args=(door, each), kwargs={"CONTENT_LENGTH": "9"}, daemon=True) for each in held]
        try:
            for thread, each in zip(threads, held, strict=True):
                thread.start()
                assert each.asked.wait(5)
            return ask(door, io.BytesIO(b"1"), CONTENT_LENGTH="1")[0], ask(door)[0]
        finally:
            for each in held:
                each.over.set()
            for thread in threads:
                thread.join(5)

    def test_hold_up_nobody_without_a_body(self, door: Entrance) -> None:
        assert self.besieged(door) == ("503", "200")
        assert ask(door, io.BytesIO(b"1"), CONTENT_LENGTH="1")[0] == "200"

    def test_fewer_than_that_hold_up_nobody_at_all(self) -> None:
        """Although more bodies are on their way than threads work."""
        assert self.besieged(Entrance(repeat, threads=1, limits={}, readers=4)) == ("200", "200")


class Answers:
    def test_that_fail_reach_the_server(self) -> None:
        def broken(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            ask(Entrance(broken, threads=1, limits={}))

    def test_in_pieces_are_streamed_and_closed(self) -> None:
        closed: list[bool] = []

        class Pieces:
            def __iter__(self) -> Any:
                yield from (b"one ", b"two")

            def close(self) -> None:
                closed.append(True)

        def streaming(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            start_response("200 OK", [])
            return Pieces()

        assert ask(Entrance(streaming, threads=1, limits={})) == ("200", b"one two")
        assert closed == [True]
