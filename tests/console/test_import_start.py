"""An import that is confirmed on another host, a day later, a week later, twice, or under a name that is a path."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings

from scrm.contacts.importing import results, running, staging, uploading
from scrm.contacts.models import Contact, Import
from scrm.core import clock
from scrm.core.models import AuditEntry
from tests import people
from tests.console.conftest import allow, seated
from tests.contacts import import_files as files

pytestmark = pytest.mark.django_db
GONE = "The file is not there any more. Upload it again."
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def shared_folder(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR, settings.MEDIA_ROOT = tmp_path / "first", str(tmp_path / "shared")


@pytest.fixture
def clerk(db: None) -> Client:
    return seated(allow(people.agent("clerk"), "contacts.import_contact", "contacts.view_contact"))


def checked(client: Client, count: int = 6, name: str = "顧客.csv") -> Import:
    """Uploaded and tried by the pages, on the host that is set."""
    client.post("/admin/imports/", _form(name, files.table(files.people(count))), "multipart/form-data; boundary=cut")
    run = Import.objects.latest("pk")
    said = {name: run.options[name] for name in ("encoding", "delimiter", "header_row")}
    client.post(f"/admin/imports/{run.pk}/configure/", {**said, "regions": "HK", "consent_source": "", "check": "1"})
    return running.run_to_end(run)


def _form(name: str, data: bytes) -> bytes:
    """By hand: the test client sends the last part of a path only."""
    head = f'--cut\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'
    return head.encode() + data + b"\r\n--cut--\r\n"


def press(client: Client, run: Import, what: str = "start") -> str:
    """The page that comes after the button."""
    return client.post(f"/admin/imports/{run.pk}/{what}/", follow=True).content.decode()


def left_behind(folder: Path) -> list[str]:
    """Everything of imports that lies below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and "imports" in path.parts)


class OnAnotherHost:
    def test_it_loads_everybody_and_an_hour_later_no_host_has_anything_of_the_file(self, clerk: Client, tmp_path: Path) -> None:
        run = checked(clerk)
        with override_settings(VAR_DIR=tmp_path / "second"):
            press(clerk, run)
            assert running.step() and running.run_to_end(run).state == Import.State.DONE
        assert results.counts(run)["created"] == Contact.objects.count() == 6
        assert {each.split("/")[0] for each in left_behind(tmp_path)} == {"first", "second", "shared"}
        with clock.frozen(clock.now() + HOUR), override_settings(VAR_DIR=tmp_path / "second"):
            assert uploading.remove_old() == 1
        # Each host cleans its own disk when it next looks for work.
        assert running.step() == 0
        assert left_behind(tmp_path) == []

    def test_that_cannot_reach_the_file_it_is_refused(self, clerk: Client, tmp_path: Path) -> None:
        run = checked(clerk)
        with override_settings(VAR_DIR=tmp_path / "second", MEDIA_ROOT=str(tmp_path / "elsewhere")):
            assert GONE in clerk.get(f"/admin/imports/{run.pk}/").content.decode()
            assert GONE in press(clerk, run)
            run.refresh_from_db()
            assert run.state == Import.State.CHECKED
        press(clerk, run)
        with override_settings(VAR_DIR=tmp_path / "second", MEDIA_ROOT=str(tmp_path / "elsewhere")):
            assert running.run_to_end(run).state == Import.State.FAILED
        page = clerk.get(f"/admin/imports/{run.pk}/").content.decode()
        assert GONE in page and "broke off" not in page
        assert not Contact.objects.exists()
        # Where the file is, it goes on.
        press(clerk, run, "resume")
        assert running.run_to_end(run).state == Import.State.DONE
        assert Contact.objects.count() == 6

    def test_rows_of_another_file_under_the_same_number_are_not_taken_for_its_own(self, clerk: Client) -> None:
        """As after a database was put back to an earlier day, which gives the numbers out again."""
        run = checked(clerk, 2)
        press(clerk, run)
        kept = staging.folder_of(run)
        Import.objects.filter(pk=run.pk).update(file=default_storage.save("imports/other.csv", _file(files.people(9)[5:])), state="running")
        assert kept.is_dir() and running.run_to_end(run).state == Import.State.DONE
        assert not Contact.objects.filter(external_id__in=["C000000", "C000001"]).exists()


def _file(rows: list[list[str]]) -> SimpleUploadedFile:
    return SimpleUploadedFile("other.csv", files.table([files.people(0)[0], *rows]))


class Later:
    def test_a_day_it_loads_what_is_still_so(self, clerk: Client) -> None:
        run = checked(clerk)
        Import.objects.update(created_at=clock.now() - timedelta(hours=25))
        files.load(files.table(files.people(2)))
        assert uploading.remove_old() == 0
        press(clerk, run)
        running.run_to_end(run)
        counts = results.counts(run)
        # The dry run of yesterday foresaw six new people; two came another way since.
        assert run.checked["counts"]["created"] == 6
        assert (counts["created"], counts["unchanged"], Contact.objects.count()) == (4, 2, 6)

    def test_a_week_it_is_refused_in_words(self, clerk: Client) -> None:
        run = checked(clerk)
        Import.objects.update(created_at=clock.now() - timedelta(days=8))
        assert uploading.remove_old() == 1
        page = clerk.get(f"/admin/imports/{run.pk}/").content.decode()
        assert GONE in page and "Import now" not in page
        assert GONE in press(clerk, run)
        assert not running.start(run, by="mei") and not running.check(run)
        assert not Contact.objects.exists() and not AuditEntry.objects.filter(action="contacts.imported").exists()

    def test_a_week_after_it_stopped_it_does_not_go_on(self, clerk: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        run = checked(clerk)
        press(clerk, run)
        monkeypatch.setattr(running, "chunk_size", lambda: 2)
        running.step()
        press(clerk, run, "stop")
        Import.objects.update(created_at=clock.now() - timedelta(days=8))
        # By another host: what this one made of the file lies here still.
        with override_settings(VAR_DIR=tmp_path / "second"):
            uploading.remove_old()
        assert left_behind(tmp_path / "first")
        assert GONE in press(clerk, run, "resume")
        assert not running.resume(run)
        Import.objects.filter(pk=run.pk).update(state="running")
        run.refresh_from_db()
        running.work_on(run)
        run.refresh_from_db()
        assert (run.state, run.error) == ("failed", "gone")
        assert Contact.objects.count() == 2

    def test_or_now_one_whose_check_failed_is_read_otherwise_and_checked_again(
        self, clerk: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(run: Import) -> int:
            raise KeyError("shelf")

        with monkeypatch.context() as patched:
            patched.setattr(running, "_check_chunk", broken)
            run = checked(clerk)
        assert run.state == Import.State.FAILED
        page = clerk.get(f"/admin/imports/{run.pk}/").content.decode()
        assert 'name="check"' in page and "Go on" not in page
        said = {name: run.options[name] for name in ("encoding", "delimiter", "header_row")}
        clerk.post(f"/admin/imports/{run.pk}/configure/", {**said, "regions": "HK", "consent_source": "", "check": "1"})
        assert running.run_to_end(run).state == Import.State.CHECKED
        assert run.error == "" and run.checked["counts"]["created"] == 6


class Twice:
    def test_it_loads_once_and_says_so(self, clerk: Client) -> None:
        run = checked(clerk)
        press(clerk, run)
        assert "Nothing was done: the import is “Running”." in press(clerk, run)
        running.run_to_end(run)
        assert "Nothing was done: the import is “Done”." in press(clerk, run)
        assert running.step() == 0
        assert results.counts(run)["created"] == Contact.objects.count() == 6
        assert AuditEntry.objects.filter(action="contacts.imported").count() == 1


class UnderANameThatIsAPath:
    @pytest.mark.parametrize(
        "name",
        [
            "../../etc/passwd",
            "..\\..\\boot.ini",
            "/etc/passwd",
            "a\tb\x00.csv",
            "\u202ecsv.exe",
            "%2e%2e%2fetc%2fpasswd",
            "n" * 400 + ".csv",
        ],
    )
    def test_the_file_lies_under_one_of_our_own(self, clerk: Client, tmp_path: Path, name: str) -> None:
        run = checked(clerk, 2, name)
        assert not {"/", "\\", "\t", "\x00", "\u202e"} & set(run.filename) and 0 < len(run.filename) <= 200
        assert Path(default_storage.path(run.file)).resolve().parent == Path(django_settings.MEDIA_ROOT) / "imports"
        press(clerk, run)
        assert running.run_to_end(run).state == Import.State.DONE
        assert Contact.objects.count() == 2

    def test_which_is_sent_with_the_confirmation_changes_nothing(self, clerk: Client) -> None:
        run = checked(clerk)
        before = (run.file, run.filename)
        clerk.post(
            f"/admin/imports/{run.pk}/start/", {"file": "/etc/passwd", "filename": "../../etc/passwd", "import_file_name": "/etc/passwd"}
        )
        run.refresh_from_db()
        assert (run.file, run.filename) == before
        running.run_to_end(run)
        assert Contact.objects.count() == 6


class FilesThatNoRowNames:
    def test_go_when_they_are_old_and_stay_while_they_may_be_on_their_way_in(self, clerk: Client, tmp_path: Path) -> None:
        run = checked(clerk)
        left = default_storage.save("imports/left.csv", SimpleUploadedFile("left.csv", b"by a killed process"))
        uploading.remove_old()
        assert default_storage.exists(left)
        with clock.frozen(clock.now() + HOUR):
            uploading.remove_old()
        assert not default_storage.exists(left) and default_storage.exists(run.file)
