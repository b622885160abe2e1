from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from scrm.commerce.catalogue import Catalogue, CatalogueEntry

OWN = Catalogue(
    [
        CatalogueEntry("APL-IP15", "iPhone 15", ("蘋果15", "アイフォン15")),
        CatalogueEntry("APL-IP15P", "iPhone 15 Pro", ("15 pro", "アイフォン15プロ")),
        CatalogueEntry("APL-IP15PM", "iPhone 15 Pro Max", ("15 pro max", "蘋果15 Pro Max", "アイフォン15プロマックス")),
        CatalogueEntry("SAM-S24U", "Galaxy S24 Ultra", ("S24U", "三星S24 Ultra")),
        CatalogueEntry("NIN-SW", "Nintendo Switch", ("switch", "スイッチ")),
        CatalogueEntry("COS-SK2-75", "SK-II 神仙水 75ml", ("神仙水小樣",)),
        CatalogueEntry("SHP-TEA500", "烏龍茶 500ml", ("烏龍茶", "ウーロン茶")),
    ]
)


def skus(text: str) -> list[str]:
    return [mention.sku for mention in OWN.find(text)]


class FindProducts:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("iPhone15 Pro Max", ["APL-IP15PM"]),
            ("アイフォン15プロマックス", ["APL-IP15PM"]),
            ("ｱｲﾌｫﾝ15ﾌﾟﾛﾏｯｸｽはありますか", ["APL-IP15PM"]),
            ("苹果15promax多少钱", ["APL-IP15PM"]),
            ("ＩＰＨＯＮＥ－１５ pro", ["APL-IP15P"]),
            ("is the iphone 15 better than the 15 pro max?", ["APL-IP15", "APL-IP15PM"]),
            ("神仙水小样", ["COS-SK2-75"]),
            ("うーろん茶ください", ["SHP-TEA500"]),
            ("apl-ip15", ["APL-IP15"]),
        ],
    )
    def test_however_they_are_typed(self, text: str, expected: list[str]) -> None:
        assert skus(text) == expected

    @pytest.mark.parametrize("text", ["今日は15時に行きます", "15 process", "スイッチング電源", "switches", "iphone 150", "hello", ""])
    def test_not_inside_other_words_and_numbers(self, text: str) -> None:
        assert skus(text) == []

    @pytest.mark.parametrize(("text", "sku"), [("Galxy S24 Ultra plz", "SAM-S24U"), ("nintedo swich", "NIN-SW")])
    def test_with_a_slip_in_the_letters(self, text: str, sku: str) -> None:
        (mention,) = OWN.find(text)
        assert mention.sku == sku
        assert 88 <= mention.similarity < 100

    @pytest.mark.parametrize("text", ["Galxy S25 Ultra", "iphne 14 pro max", "iphone 17"])
    def test_never_with_a_slip_in_the_digits(self, text: str) -> None:
        assert skus(text) == []

    def test_shows_the_place_in_the_original(self) -> None:
        (mention,) = OWN.find("想問 三星Ｓ２４ Ultra 有冇貨")
        assert mention.matched == "三星Ｓ２４ Ultra"

    def test_an_empty_catalogue_knows_nothing(self) -> None:
        assert Catalogue([]).find("iPhone 15") == []


SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "text"


@pytest.mark.skipif(not SAMPLES.exists(), reason="the labelled samples are not part of the repository")
class LabelledSamples:
    def test_every_message_gets_its_codes(self) -> None:
        with (SAMPLES / "own_catalogue.csv").open() as lines:
            rows = list(csv.DictReader(lines))
        catalogue = Catalogue(CatalogueEntry(row["sku"], row["name"], tuple(filter(None, row["aliases"].split("|")))) for row in rows)
        with (SAMPLES / "own_sku_messages.csv").open() as lines:
            asked = list(csv.DictReader(lines))
        assert [row["text"] for row in asked if [m.sku for m in catalogue.find(row["text"])] != json.loads(row["skus"])] == []
