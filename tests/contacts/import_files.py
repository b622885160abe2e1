"""Files as shops keep them: people of Hong Kong, Taipei, Tokyo and Singapore, in whatever a spreadsheet made of them."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator, Sequence
from typing import Any

from scrm.contacts.importing import running, uploading
from scrm.contacts.models import Import

SURNAMES, GIVEN = "陳林黃張李王吳劉蔡楊", "大文美儀怡君家豪志明淑芬俊傑雅婷"


def table(rows: Sequence[Sequence[Any]], *, encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode(encoding)


def people(count: int, *, seed: int = 7) -> list[list[str]]:
    """Headers and rows, all good."""
    chance = random.Random(seed)
    rows = [["Customer ID", "Name", "Phone", "Email", "Birthday", "Country", "City"]]
    for n in range(count):
        name = chance.choice(SURNAMES) + chance.choice(GIVEN) + chance.choice(GIVEN)
        number = f"+8526{1_000_000 + n:07d}"
        rows.append([f"C{n:06d}", name, number, f"c{n}@example.hk", f"19{70 + n % 30}-0{1 + n % 9}-1{n % 9}", "Hong Kong", "觀塘"])
    return rows


def upload(data: bytes, name: str = "customers.csv", *, mapping: dict[str, str] | None = None, **options: Any) -> Import:
    run = uploading.take(io.BytesIO(data), name, options=options)
    if mapping:
        run.mapping = [mapping.get(header, target) for header, target in zip(run.columns, run.mapping, strict=True)]
        run.save()
    return run


def load(data: bytes, name: str = "customers.csv", *, mapping: dict[str, str] | None = None, **options: Any) -> Import:
    """Upload, check, and load to the end, in this process."""
    run = upload(data, name, mapping=mapping, **options)
    assert running.check(run)
    running.run_to_end(run)
    assert run.state == Import.State.CHECKED, run.error
    assert running.start(run, by="mei")
    return running.run_to_end(run)


# What a shop's file of customers holds, with everything that the product normalises.
SHOP = (
    "Customer ID", "Name", "Phone", "Email", "Birthday", "Country", "Language", "City",
    "Address", "Company", "Priority", "Tags", "Marketing", "Consent source", "Time zone", "Owner",
)  # fmt: skip
_HAN_GIVEN = "文美儀怡君家豪志明淑芬俊傑雅婷詩涵子軒浩然思穎曉彤嘉欣偉強麗華國榮建宏冠宇佳穎柏翰"
_JAPANESE = (
    ("佐藤", "鈴木", "高橋", "田中", "渡辺", "伊藤", "山本", "中村", "小林", "加藤"),
    ("太郎", "花子", "健一", "美咲", "大輔", "陽子", "翔太", "愛"),
)
_LATIN = (
    ("Tan", "Lim", "Lee", "Ng", "Wong", "Goh", "Chua"),
    ("Wei Ling", "Jun Jie", "Hui Min", "Kai", "Siew Lan", "Rachel", "Marcus"),
)
_PLACES = {
    "HK": ("Hong Kong", "zh-hant", "九龍", "彌敦道", "Asia/Hong_Kong"),
    "TW": ("台灣", "繁體中文", "台北市", "忠孝東路", "Taipei"),
    "JP": ("日本", "日本語", "渋谷区", "神南", "Asia/Tokyo"),
    "SG": ("Singapore", "English", "Singapore", "Orchard Road", "Singapore"),
}
# Twelve ways in which a row is wrong: the column, the code of its problem, and what is done to the row.
BAD_KINDS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("Email", "email", {"Email": "mei.chan(at)example"}),
    ("Birthday", "birthday", {"Birthday": "31 Brumaire II"}),
    ("Birthday", "birthday_order", {"Birthday": "03/04/1990"}),
    ("Birthday", "birthday_range", {"Birthday": "2199-01-01"}),
    ("Country", "country", {"Country": "Atlantis"}),
    ("Language", "language", {"Language": "the usual one"}),
    ("Time zone", "time_zone", {"Time zone": "Mars/Olympus"}),
    ("Priority", "priority", {"Priority": "sofort"}),
    ("Owner", "owner", {"Owner": "nobody-of-us"}),
    ("Marketing", "consent", {"Marketing": "perhaps"}),
    ("Name", "too_long", {"Name": "陳" * 201}),
    ("", "nobody", {"Customer ID": "", "Name": "", "Phone": "", "Email": ""}),
)


def _person(n: int, chance: random.Random) -> tuple[str, str, str]:
    """(country, name, number as somebody typed it); every number is another."""
    country = chance.choice(("HK", "HK", "TW", "JP", "SG"))
    if country == "JP":
        return country, " ".join(map(chance.choice, _JAPANESE)), chance.choice(("+8190{0}{1}", "090-{0}-{1}", "090 {0} {1}")).format(
            f"{n // 10_000 + 1000:04d}", f"{n % 10_000:04d}"
        )  # fmt: skip
    number = f"{n:06d}"
    if country == "TW":
        typed = chance.choice(("+88691{0}{1}", "091{2}-{3}-{1}", "+886 91{0}{1}"))
        typed = typed.format(f"{n // 1000:04d}"[:4], number[3:], f"{n // 1000:04d}"[0], f"{n // 1000:04d}"[1:])
        return country, chance.choice(SURNAMES) + chance.choice(_HAN_GIVEN) + chance.choice(_HAN_GIVEN), typed
    if country == "SG":
        typed = chance.choice(("+6581{0}{1}", "+65 81{0} {1}", "8 1{0}{1}"))
        surname, given = map(chance.choice, _LATIN)
        return country, chance.choice((f"{surname} {given}", f"{given} {surname}")), typed.format(number[:2], number[2:])
    typed = chance.choice(("+85262{0}{1}", "+852 62{0} {1}", "(852) 62{0}-{1}"))
    name = chance.choice(SURNAMES) + chance.choice(_HAN_GIVEN) + chance.choice(_HAN_GIVEN)
    return country, name, typed.format(number[:2], number[2:])


def shop(count: int, *, bad: float = 0.05, seed: int = 11) -> Iterator[tuple[list[str], tuple[str, str] | None]]:
    """`count` rows of different people, and of each (column, code) of what is wrong with it, or None. Of 0 to 999,999 people."""
    chance, wrong = random.Random(seed), 0
    for n in range(count):
        country, name, number = _person(n, chance)
        words, language, city, street, zone = _PLACES[country]
        row = dict.fromkeys(SHOP, "")
        row |= {"Customer ID": f"C{n:07d}", "Name": name, "Phone": number, "Country": words, "Language": language, "Time zone": zone}
        row["Email"] = f"{chance.choice(('', '', 'Mei.', 'shop'))}{n}@Example.{country}"
        row["Birthday"] = f"{chance.randint(1945, 2008)}/{chance.randint(1, 12)}/{chance.randint(1, 28)}"
        row["City"], row["Address"] = city, f"{street} {chance.randint(1, 400)}號{chance.randint(1, 30)}樓"
        row["Company"] = f"海港貿易{chance.randint(1, 999)}有限公司" if chance.random() < 0.2 else ""
        row["Priority"] = chance.choice(("", "normal", "高"))
        row["Tags"] = chance.choice(("", "VIP", "老客戶、VIP", "newsletter"))
        if chance.random() < 0.3:
            row["Marketing"], row["Consent source"] = chance.choice(("yes", "同意", "no")), "shop 2024"
        said = None
        if chance.random() < bad:
            column, code, changes = BAD_KINDS[wrong % len(BAD_KINDS)]
            row, said, wrong = row | changes, (column, code), wrong + 1
        yield list(row.values()), said


REGIONS = ("HK", "TW", "JP", "SG")
