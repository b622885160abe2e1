"""Names: the same person's in other scripts, widths, orders and spellings are the same; another person's is not."""

from __future__ import annotations

import jaconv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scrm.contacts.matching.keys import wholes
from scrm.contacts.matching.name_levels import CONTRADICTIONS, Level, level
from scrm.contacts.matching.names import parse

HAN = st.sampled_from(["陳大文", "黃美玲", "林怡君", "歐陽志明", "山田太郎", "髙橋一郎", "渡邊真由美", "張偉", "吳俊宏", "鄧麗珍"])
LATIN = st.sampled_from(["Chan Tai Man", "Lim Wei Ling", "Robert O'Brien", "Yamada Taro", "Nurul Aisyah", "José García", "Peter Cheung"])
ANY = st.one_of(
    HAN, LATIN, st.sampled_from(["ﾔﾏﾀﾞ ﾀﾛｳ", "さとう はなこ", "阿文", "陳小姐", "🌸", "Me", "", "田中さん"]), st.text(max_size=20)
)


def alike(one: str, other: str) -> Level:
    return level(parse(one), parse(other))


class SameName:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("陳大文", "陈大文"),
            ("陳大文", "CHAN Tai Man"),
            ("陳大文", "Tai Man Chan"),
            ("陳大文", "Chen Dawen"),
            ("陳大文", "Chen Ta-wen"),
            ("陳大文", "Tan Da Wen"),
            ("陳大文", "陳大文 先生"),
            ("陳大文", "🌸陳大文🌸"),
            ("黃志強", "Wong Chi Keung"),
            ("蔡美玲", "Choi Mei Ling"),
            ("林俊傑", "Lim Junjie"),
            ("歐陽志明", "Au-Yeung Chi Ming"),
            ("張簡文雄", "张简文雄"),
            ("山田太郎", "ヤマダ タロウ"),
            ("山田太郎", "ﾔﾏﾀﾞ ﾀﾛｳ"),
            ("山田太郎", "Taro Yamada"),
            ("山田太郎", "YAMADA Tarou"),
            ("山田　太郎様", "やまだたろう"),
            ("髙橋一郎", "高橋 一郎"),
            ("渡邊真由美", "渡辺眞由美"),
            ("Ohno Shoji", "おおの しょうじ"),
            ("Syouji Oono", "オオノ・ショウジ"),
            ("Mr. Peter Chan", "CHAN, Peter"),
            ("Ｐｅｔｅｒ　Ｃｈａｎ", "peter chan"),
            ("Robert O'Brien", "Bob OBrien"),
            ("José García", "Garcia Jose"),
            ("Amber Black Well", "amber blackwell"),
            ("James Thomas", "Jim Thomas"),
        ],
    )
    def test_holds(self, one: str, other: str) -> None:
        assert alike(one, other) >= Level.NEAR


class OtherName:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("陳大文", "陳大明"),
            ("陳大文", "林怡君"),
            ("Chan Siu Ming", "Chan Siu Mei"),
            ("山田太郎", "山田花子"),
            ("山田太郎", "Hanako Yamada"),
            ("Peter Chan", "David Chan"),
            ("Brenda Thomas", "Debbie Thomas"),
            ("Muhammad Hafiz bin Rahman", "Siti Aisyah binte Rahman"),
        ],
    )
    def test_contradicts(self, one: str, other: str) -> None:
        assert alike(one, other) in CONTRADICTIONS

    @pytest.mark.parametrize(
        ("one", "other", "expected"),
        [
            ("陳大文", "陳先生", Level.FAMILY),
            ("陳大文", "David Chan", Level.FAMILY),
            ("陳大文", "阿文", Level.GIVEN),
            ("陳大文", "大文", Level.GIVEN),
            ("陳大文", "媽媽", Level.UNKNOWN),
            ("陳大文", "🌸", Level.UNKNOWN),
            ("David Chan", "David", Level.GIVEN),
        ],
    )
    def test_says_less(self, one: str, other: str, expected: Level) -> None:
        assert alike(one, other) == expected

    def test_similarity_is_what_the_rules_set(self) -> None:
        one, other = parse("Takahashi Yukie"), parse("Takahasi Yukiko")
        assert level(one, other, least=0.8) == Level.NEAR
        assert level(one, other, least=0.99) in CONTRADICTIONS


class Wholes:
    """Under which keys a whole name is found."""

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("takizawaeren", "Takizawa Eren"),
            ("takizawaeren", "Eren Takizawa"),
            ("erentakizawa", "takizawaeren"),
            ("Siu Ming Chan", "Chan Siu Ming"),
            ("Siu Chan Ming", "Chan Siu Ming"),
            ("Amber Black Well", "Well Amber Black"),
            ("陳大文", "Chan Tai Man"),
        ],
    )
    def test_of_one_name_however_it_is_written(self, one: str, other: str) -> None:
        assert not wholes(parse(one)).isdisjoint(wholes(parse(other)))

    @pytest.mark.parametrize(
        ("one", "other"), [("张梅艳", "任晴梅"), ("Chan Tai Man", "Man Chai Tan"), ("杨慧玲", "林勇伟"), ("刘荣朗", "周龙良")]
    )
    def test_of_two_names_made_of_the_same_letters(self, one: str, other: str) -> None:
        assert wholes(parse(one)).isdisjoint(wholes(parse(other)))

    def test_a_word_without_end_has_few(self) -> None:
        assert len(wholes(parse("ab" * 100))) <= 20


class Properties:
    @settings(max_examples=200, deadline=None)
    @given(ANY, ANY)
    def test_symmetric(self, one: str, other: str) -> None:
        assert alike(one, other) == alike(other, one)

    @settings(max_examples=100, deadline=None)
    @given(ANY)
    def test_never_contradicts_itself(self, name: str) -> None:
        assert alike(name, name) not in CONTRADICTIONS

    @settings(max_examples=60, deadline=None)
    @given(LATIN)
    def test_width_and_case_change_no_key_and_order_leaves_one(self, name: str) -> None:
        keys = wholes(parse(name))
        assert wholes(parse(name.upper())) == keys
        assert wholes(parse(jaconv.h2z(name, ascii=True, digit=True))) == keys
        assert not keys.isdisjoint(wholes(parse(" ".join(reversed(name.split())))))

    @settings(max_examples=60, deadline=None)
    @given(HAN, st.sampled_from(["先生", "小姐", "様", "さん", "🌸", " ✨"]))
    def test_honorifics_and_emoji_change_no_key(self, name: str, more: str) -> None:
        assert wholes(parse(name + more)) == wholes(parse(name))

    @settings(max_examples=30, deadline=None)
    @given(st.sampled_from(["やまだ たろう", "さとう はなこ", "たかはし ゆうこ"]))
    def test_kana_of_all_kinds_and_latin_have_one_key(self, name: str) -> None:
        katakana = jaconv.hira2kata(name)
        assert wholes(parse(katakana)) == wholes(parse(name)) == wholes(parse(jaconv.z2h(katakana)))
