from __future__ import annotations

import pytest

from scrm.contacts.names import full_name, split_name


class TestSplitName:
    @pytest.mark.parametrize(
        ("name", "country", "given", "family"),
        [
            ("陳大文", "HK", "大文", "陳"),
            ("王明", "TW", "明", "王"),
            ("歐陽娜娜", "TW", "娜娜", "歐陽"),
            ("司徒文", "HK", "文", "司徒"),
            ("陳方安生", "HK", "安生", "陳方"),
            ("山田 太郎", "JP", "太郎", "山田"),
            ("山田\u3000太郎", "", "太郎", "山田"),
            ("山田太郎", "JP", "太郎", "山田"),
            ("佐藤健", "JP", "健", "佐藤"),
            ("林太郎", "JP", "太郎", "林"),
            ("林優", "JP", "優", "林"),
            ("佐々木希", "JP", "希", "佐々木"),
            ("長谷川潤", "JP", "潤", "長谷川"),
            ("Tai Man Chan", "HK", "Tai Man", "Chan"),
            ("田中さくら", "JP", "さくら", "田中"),
            ("高橋 ゆうこ", "JP", "ゆうこ", "高橋"),
            ("タナカ ハナコ", "JP", "ハナコ", "タナカ"),
            ("김민수", "", "민수", "김"),
            ("陳大文 Peter", "HK", "大文 Peter", "陳"),
            ("Amy 陳", "HK", "Amy", "陳"),
            ("Peter 陳大文", "HK", "Peter 大文", "陳"),
            ("Chan Tai Man", "HK", "Tai Man", "Chan"),
            ("Tan Wei Ling", "SG", "Wei Ling", "Tan"),
            ("CHAN Tai Man", "", "Tai Man", "CHAN"),
            ("Peter Chan", "HK", "Peter", "Chan"),
            ("Chan, Tai Man", "", "Tai Man", "Chan"),
            ("Mary Jane Watson", "US", "Mary Jane", "Watson"),
            ("Rajesh Kumar", "SG", "Rajesh", "Kumar"),
        ],
    )
    def test_follows_the_order_in_which_people_there_write(self, name: str, country: str, given: str, family: str) -> None:
        assert split_name(name, country=country) == (given, family)

    @pytest.mark.parametrize("name", ["さくら", "Ka Ming 🌸咩咩", "Madonna", "~小豬~", "🦄", "株式会社港区物流センター"])
    def test_keeps_whole_what_cannot_be_told_apart(self, name: str) -> None:
        assert split_name(name) == (name, "")

    @pytest.mark.parametrize("name", ["", "   ", "\u3000"])
    def test_nothing_is_nothing(self, name: str) -> None:
        assert split_name(name) == ("", "")

    @pytest.mark.parametrize("name", ["陳大文", "Peter Chan", "田中さくら"])
    def test_the_parts_make_the_name_again(self, name: str) -> None:
        assert full_name(*split_name(name, country="US" if name.isascii() else "HK")) == name
