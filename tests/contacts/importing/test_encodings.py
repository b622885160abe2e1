"""Which readings of a file of text are offered to a person."""

from __future__ import annotations

import pytest

from scrm.contacts.importing import encodings

TABLE = "姓名,電話\n陳大文,91234567\n黃美儀,61234567\n"


def offered(raw: bytes) -> list[str]:
    return [name for name, _label in encodings.offered(raw)]


class Readings:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
    def test_of_utf_8_are_one(self, encoding: str) -> None:
        assert offered(TABLE.encode(encoding)) == ["utf-8-sig"]

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
    def test_of_utf_16_are_one(self, encoding: str) -> None:
        assert offered(TABLE.encode(encoding)) == [encoding]

    def test_of_latin_letters_are_one(self) -> None:
        assert offered(b"name,phone\nLim Jun Hao,91234567\n") == ["utf-8-sig"]

    def test_of_an_old_encoding_are_those_that_decode_and_never_utf_16(self) -> None:
        assert offered(TABLE.encode("big5"))[0] == "big5hkscs"
        assert {"utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"}.isdisjoint(offered(TABLE.encode("big5")))

    def test_that_pass_for_utf_8_by_chance_have_the_old_ones_beside_them(self) -> None:
        raw = "name,city\nLim,通\n".encode("gb18030")
        assert raw.decode("utf-8").endswith("ͨ\n")
        assert offered(raw)[0] == "utf-8-sig"
        assert "gb18030" in offered(raw)
