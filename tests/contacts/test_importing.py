"""What goes in, what does not and why, and that the same file changes nothing the second time."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.test import override_settings

from scrm.contacts.importing import results, running, undoing, uploading
from scrm.contacts.importing.problems import worded
from scrm.contacts.importing.sheets import BadFile
from scrm.contacts.models import Consent, Contact, Event, Identity, IdentityCase, Import, ImportRow
from tests import people
from tests.contacts import import_files as files

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    settings.MEDIA_ROOT = str(tmp_path / "media")


def snapshot() -> list[tuple[Any, ...]]:
    return list(Contact.objects.order_by("pk").values_list("pk", "name", "external_id", "country", "birthday", "updated_at", "provenance"))


BAD = [
    (["B1", "陳大文", "+85269999999", "not-an-address", "", "", ""], "Email", "email"),
    (["B2", "陳大文", "+85261000002", "", "31 Brumaire", "", ""], "Birthday", "birthday"),
    (["B3", "陳大文", "+85261000003", "", "03/04/1990", "", ""], "Birthday", "birthday_order"),
    (["B4", "陳大文", "+85261000004", "", "2199-01-01", "", ""], "Birthday", "birthday_range"),
    (["B5", "陳大文", "+85261000005", "", "", "Atlantis", ""], "Country", "country"),
    (["", "", "", "", "1990-01-01", "", ""], "", "nobody"),
    (["B7", "x" * 201, "+85261000007", "", "", "", ""], "Name", "too_long"),
    (["B8", "陳大文", "+85261000008", "", "", "", "", "one more"], "", "too_many_cells"),
    (["B9", "陳\ufffd文", "+85261000009", "", "", "", ""], "Name", "encoding"),
    (["B" * 201, "陳大文", "+85261000010", "", "", "", ""], "Customer ID", "too_long"),
]


class Loading:
    def test_takes_the_good_rows_and_names_each_bad_one(self) -> None:
        rows = files.people(60)
        for place, (row, _column, _code) in enumerate(BAD):
            rows.insert(3 + place * 5, row)
        run = files.load(files.table(rows))
        assert run.state == Import.State.DONE
        counts = results.counts(run)
        assert (counts["created"], counts["bad"], counts["people"]) == (60, len(BAD), 60)
        assert Contact.objects.count() == 60
        bad = list(run.rows.filter(outcome="bad").order_by("line"))
        expected = [(4 + place * 5, column, code) for place, (_, column, code) in enumerate(BAD)]
        assert [(row.line, row.notes[0]["column"], row.notes[0]["code"]) for row in bad] == expected
        assert all(worded(row.notes[0]) != row.notes[0]["code"] for row in bad)

    def test_says_before_what_it_will_do(self) -> None:
        files.load(files.table(files.people(20)))
        run = files.upload(files.table(files.people(30)))
        running.check(run)
        running.run_to_end(run)
        assert run.checked["counts"]["created"] == 10
        assert run.checked["counts"]["unchanged"] == 20
        assert Contact.objects.count() == 20

    def test_reads_what_people_write(self) -> None:
        head = ["姓名", "手機", "電郵", "生日", "國家", "語言", "時區", "標籤", "備註", "喜歡的顏色"]
        row = ["林怡君", "0912-345-678", "Yijun@Example.TW", "民國79/5/3", "台灣", "繁體中文", "Taipei", "VIP、老客戶", "'=good", "青"]
        run = files.load(files.table([head, row]), regions=["TW"])
        person = Contact.objects.get()
        assert (person.name, person.country, person.language, person.time_zone) == ("林怡君", "TW", "zh-hant", "Asia/Taipei")
        assert str(person.birthday) == "1990-05-03"
        assert person.notes == "=good"
        assert person.custom == {"喜歡的顏色": "青"}
        assert set(person.identities.values_list("kind", "value", "typed")) == {
            ("phone", "+886912345678", "0912-345-678"),
            ("email", "yijun@example.tw", "Yijun@Example.TW"),
        }
        assert set(person.tag_assignments.values_list("tag__name", flat=True)) == {"VIP", "老客戶"}
        assert person.provenance["name"]["source"] == run.source

    def test_keeps_a_number_that_cannot_be_read_and_says_so(self) -> None:
        run = files.load(files.table([["Name", "Phone"], ["Tan Wei Ling", "8.52912E+10"], ["陳大文", "9123 4567"]]), regions=["HK", "SG"])
        assert Contact.objects.count() == 2
        assert set(Identity.objects.exclude(needs_repair="").values_list("value", flat=True)) == {"8.52912E+10", "9123 4567"}
        codes = [row.notes[0]["code"] for row in run.rows.order_by("line")]
        assert codes == ["repair_destroyed", "repair_several_regions"]

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp932", "big5hkscs", "gb18030"])
    def test_reads_every_encoding(self, encoding: str) -> None:
        chinese = {"cp932": ["田中 太郎", "佐藤 花子", "鈴木 一郎"], "gb18030": ["陈大文", "张伟", "刘洋"]}
        names = chinese.get(encoding, ["陳大文", "林怡君", "黃志明"])
        head = (
            ["氏名", "電話番号", "会社名"]
            if encoding == "cp932"
            else ["姓名", "手机", "公司"]
            if encoding == "gb18030"
            else ["姓名", "手機", "公司"]
        )
        rows = [head, *([name, f"+8526{7000000 + n}", "海港"] for n, name in enumerate(names))]
        run = files.load(files.table(rows, encoding=encoding))
        assert list(Contact.objects.order_by("pk").values_list("name", flat=True)) == names
        assert run.mapping == ["name", "phone", "company"]

    def test_reads_a_spreadsheet(self) -> None:
        book = openpyxl.Workbook()
        book.active.append(["Name", "Phone", "Member since"])
        book.active.append(["陳大文", 85261234567, 2019])
        book.active.append(["Tan", 6581234567.0, None])
        out = io.BytesIO()
        book.save(out)
        files.load(out.getvalue(), "顧客.xlsx", regions=["HK", "SG"])
        assert set(Identity.objects.values_list("e164", flat=True)) == {"+85261234567", "+6581234567"}
        assert Contact.objects.get(name="陳大文").custom == {"Member since": "2019"}


class People:
    def test_with_one_number_in_six_spellings_are_one(self) -> None:
        before = people.customer("陳大文", "85291234567").contact
        spellings = ["+85291234567", "91234567", "+852 9123 4567", "00852-9123-4567", "（852）９１２３４５６７", "852 91234567"]
        files.load(files.table([["Name", "Phone"], *(["陳大文", each] for each in spellings)]), regions=["HK"])
        assert Contact.objects.get() == before
        assert Identity.objects.count() == 1

    def test_who_share_a_number_but_no_name_stay_two(self) -> None:
        rows = [["Name", "Phone"], ["陳大文", "+85291234567"], ["林怡君", "+85291234567"]]
        files.load(files.table(rows))
        assert Contact.objects.count() == 2
        assert Identity.objects.filter(e164="+85291234567").exclude(shared_since=None).count() == 2
        kept = snapshot()
        files.load(files.table(rows))
        assert snapshot() == kept

    def test_are_found_by_the_partners_id_first(self) -> None:
        files.load(files.table([["ID", "Name", "Phone"], ["C1", "陳大文", "+85261000001"], ["C2", "陳大明", "+85261000002"]]))
        run = files.load(files.table([["ID", "Name", "Phone"], ["C1", "陳大文", "+85261000002"]]))
        assert Contact.objects.count() == 2
        assert run.rows.get().notes[0]["code"] == "elsewhere"
        assert Identity.objects.get(e164="+85261000002").contact.external_id == "C2"
        assert IdentityCase.objects.count() == 1

    def test_with_another_partners_id_are_not_mixed_up(self) -> None:
        files.load(files.table([["ID", "Name", "Phone"], ["C1", "陳大文", "+85261000001"]]))
        run = files.load(files.table([["ID", "Name", "Phone"], ["C9", "陳大文", "+85261000001"]]))
        assert run.rows.get().notes[0]["code"] == "other_id"
        assert Contact.objects.get().external_id == "C1"

    def test_keep_a_later_edit_when_the_file_comes_again(self) -> None:
        data = files.table(files.people(3))
        files.load(data)
        from scrm.contacts.fields import Offer, offer
        from scrm.core import clock

        person = Contact.objects.order_by("pk")[0]
        offer([Offer(person, {"city": "沙田"}, "person", clock.now(), "mei")])
        files.load(data)
        person.refresh_from_db()
        assert person.city == "沙田"


class Repeating:
    @pytest.mark.parametrize("shuffled", [False, True])
    def test_the_same_file_changes_nothing(self, shuffled: bool) -> None:
        rows = [*files.people(50), ["", "只有名字", "", "", "", "", ""], ["", "陳大文", "8.52912E+10", "", "", "", ""]]
        files.load(files.table(rows))
        before, events = snapshot(), Event.objects.count()
        head, *rest = rows
        if shuffled:
            random.Random(3).shuffle(rest)
        run = files.load(files.table([head, *rest]))
        assert snapshot() == before
        assert Event.objects.count() == events
        assert results.counts(run)["unchanged"] == 52

    def test_the_same_file_with_its_country_reads_the_numbers_of_the_same_people(self) -> None:
        data = files.table([["ID", "Name", "Phone"], ["A1", "田中 太郎", "080-1111-2222"], ["", "佐藤 花子", "080-1111-3333"]])
        files.load(data)
        assert set(Identity.objects.values_list("e164", flat=True)) == {""}
        before = list(Identity.objects.order_by("pk").values("contact", "value", "e164", "needs_repair", "scope"))
        run = files.load(data, regions=["JP"])
        assert results.counts(run)["updated"] == Contact.objects.count() == 2
        assert set(Identity.objects.values_list("e164", "typed", "needs_repair")) == {
            ("+818011112222", "080-1111-2222", ""),
            ("+818011113333", "080-1111-3333", ""),
        }
        assert results.counts(files.load(data, regions=["JP"]))["unchanged"] == 2
        assert undoing.start(run, by=None)
        running.run_to_end(run)
        assert results.counts(run)["undone"] == 2
        assert list(Identity.objects.order_by("pk").values("contact", "value", "e164", "needs_repair", "scope")) == before

    def test_the_same_name_beside_another_number_is_another_person(self) -> None:
        files.load(files.table([["Name", "Phone"], ["佐藤 花子", "080-1111-3333"]]))
        files.load(files.table([["Name", "Phone"], ["佐藤 花子", "080-1111-4444"], ["高橋 花子", "080-1111-3333"]]), regions=["JP"])
        assert Contact.objects.count() == 3

    def test_to_start_starts_once(self) -> None:
        run = files.upload(files.table(files.people(5)))
        running.check(run)
        running.run_to_end(run)
        other = Import.objects.get(pk=run.pk)
        assert running.start(run, by="mei")
        assert not running.start(other, by="mei")
        running.run_to_end(run)
        assert not running.start(Import.objects.get(pk=run.pk), by="mei")
        assert Contact.objects.count() == 5

    def test_goes_on_where_it_stopped(self) -> None:
        run = files.upload(files.table(files.people(900)))
        running.check(run)
        running.run_to_end(run)
        running.start(run, by="mei")
        running.chunk_size, size = (lambda: 200), running.chunk_size
        try:
            running.step()
            assert running.pause(run)
            assert running.step() == 0
            assert Contact.objects.count() == run.position == 200
            assert running.resume(run)
            running.run_to_end(run)
        finally:
            running.chunk_size = size
        assert results.counts(run)["created"] == Contact.objects.count() == 900


class Consents:
    def test_need_a_source_and_never_weaken(self) -> None:
        head = ["Name", "Phone", "Marketing", "Unsubscribed", "Consent source"]
        rows = [
            head,
            ["陳大文", "+85261000001", "yes", "", "shop 2024"],
            ["林怡君", "+85261000002", "yes", "", ""],
            ["黃志明", "+85261000003", "", "yes", ""],
        ]
        run = files.load(files.table(rows))
        state = {each.e164[-1]: each for each in Identity.objects.all()}
        assert state["1"].marketing_opt_in_at and Consent.objects.get(identity=state["1"]).evidence == "shop 2024"
        assert not state["2"].marketing_opt_in_at
        assert run.rows.get(line=3).notes[0]["code"] == "no_source"
        assert state["3"].opted_out_at
        files.load(files.table([head, ["黃志明", "+85261000003", "yes", "", "shop"]]))
        state["3"].refresh_from_db()
        assert state["3"].opted_out_at and not state["3"].marketing_opt_in_at


class Files:
    def test_that_are_no_tables_are_refused(self) -> None:
        for data, code in (
            (b"", "empty"),
            (b"%PDF-1.7 ...", "not_a_table"),
            (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "old_excel"),
            (b"PK\x03\x04broken", "broken"),
        ):
            with pytest.raises(BadFile) as found:
                uploading.take(io.BytesIO(data), "x.csv")
            assert found.value.code == code
        assert not Import.objects.exists()

    def test_that_would_unpack_to_a_bomb_are_not_opened(self) -> None:
        import zipfile

        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
            package.writestr("xl/workbook.xml", b"0" * 60_000_000)
        with pytest.raises(BadFile) as found:
            uploading.take(out, "x.xlsx")
        assert found.value.code == "bomb"

    def test_are_kept_under_a_name_of_our_own(self) -> None:
        run = files.upload(files.table(files.people(2)), "../../etc/passwd")
        assert run.filename == "passwd"
        assert run.file.startswith("imports/") and run.file.endswith(".csv") and ".." not in run.file

    def test_go_soon_after_the_end(self) -> None:
        from datetime import timedelta

        from django.core.files.storage import default_storage

        from scrm.core import clock

        run = files.load(files.table(files.people(2)))
        assert default_storage.exists(run.file)
        assert uploading.remove_old() == 0
        Import.objects.update(finished_at=clock.now() - timedelta(minutes=40))
        assert uploading.remove_old() == 1
        assert not default_storage.exists(run.file)

    def test_can_be_worked_on_from_another_host(self, tmp_path: Path) -> None:
        run = files.upload(files.table(files.people(12)))
        running.check(run)
        running.run_to_end(run)
        with override_settings(VAR_DIR=tmp_path / "another"):
            running.start(run, by="mei")
            running.run_to_end(run)
        assert Contact.objects.count() == 12

    def test_to_repair_can_be_loaded_again(self) -> None:
        rows = [*files.people(2), ["B1", "陳大文", "+85269999999", "not-an-address", "", "", ""]]
        run = files.load(files.table(rows))
        text = "".join(results.error_file(run))
        assert "'+85269999999" in text and "e-mail" in text
        again = files.load(text.replace("not-an-address", "ok@example.hk").encode())
        assert again.mapping[-2:] == ["", ""]
        assert [row.notes for row in again.rows.all()] == [None]
        assert Contact.objects.get(external_id="B1").identities.count() == 2


class Undoing:
    def test_takes_back_what_is_untouched_and_leaves_what_was_used(self) -> None:
        from scrm.contacts import exporting

        files.load(files.table(files.people(5)))
        before = list(exporting.csv_lines(exporting.people()))
        kept = files.people(8)
        kept[1][6], kept[2][6] = "旺角", "九龍"
        run = files.load(files.table([row + (["new"] if n else ["Tags"]) for n, row in enumerate(kept)]))
        edited = Contact.objects.get(external_id="C000001")
        from scrm.contacts.fields import Offer, offer
        from scrm.core import clock

        offer([Offer(edited, {"city": "沙田"}, "person", clock.now(), "mei")])
        foreseen = undoing.preview(run)
        assert (foreseen["created"], foreseen["updated"], foreseen["kept"]) == (3, 4, 1)
        assert undoing.start(run, by=None)
        running.run_to_end(run)
        assert run.state == Import.State.UNDONE
        counts = results.counts(run)
        assert (counts["undone"], counts["kept"]) == (7, 1)
        after = list(exporting.csv_lines(exporting.people()))
        assert len(after) == len(before)
        assert [line for line in after if "C000001" not in line] == [line for line in before if "C000001" not in line]
        assert run.rows.get(outcome="kept").notes[0]["code"] == "changed_since"

    def test_that_broke_off_is_gone_on_with_and_nobody_is_loaded_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(running, "chunk_size", lambda: 4)
        run = files.upload(files.table(files.people(12)))
        running.check(run)
        running.run_to_end(run)
        running.start(run, by="mei")
        for _ in range(2):
            running.step()
        running.stop(run)
        monkeypatch.setattr(undoing.limits, "CHUNK", {"postgresql": 5, "sqlite": 5})
        undoing.start(run, by=None)
        running.step()
        Import.objects.update(state=Import.State.FAILED)
        assert Contact.objects.count() == 3
        assert running.resume(run) and running.run_to_end(run).state == Import.State.UNDONE
        assert not Contact.objects.exists()

    def test_leaves_somebody_who_has_written_since(self) -> None:
        run = files.load(files.table([["Name", "Phone"], ["陳大文", "+85291234567"], ["林怡君", "+85261234567"]]))
        identity = people.customer("陳大文", "85291234567")
        people.conversation(identity)
        undoing.start(run, by=None)
        running.run_to_end(run)
        assert list(Contact.objects.values_list("name", flat=True)) == ["陳大文"]
        assert ImportRow.objects.get(run=run, outcome="kept").notes[-1]["code"] == "used_since"

    def test_lets_the_file_be_loaded_again(self) -> None:
        data = files.table(files.people(6))
        run = files.load(data)
        undoing.start(run, by=None)
        running.run_to_end(run)
        assert not Contact.objects.exists()
        assert results.counts(files.load(data))["created"] == 6
