"""Files that we send: what fits, what is made to fit, and what is told to whoever chose it."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.contracts import ChannelCapabilities, MediaLimit
from scrm.conversations import file_types, outgoing_media
from scrm.conversations.outgoing_media import MB, NotSendable, check_outgoing, prepare_outgoing
from tests import people
from tests.conversations.drawn import corners, exif, noise, opened, saved, scene

pytestmark = pytest.mark.django_db

PAGE = b"<!DOCTYPE html><html><script>alert(document.cookie)</script></html>"
DRAWING = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"
OPUS = b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead\x01\x01" + bytes(40)
VORBIS = b"OggS\x00\x02" + bytes(20) + b"\x01\x1e\x01vorbis" + bytes(40)
MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"\xff\xfb\x90\x00" + bytes(400)
FILM = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(200)
IPHONE_FILM = b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  " + bytes(200)


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name in names:
            packed.writestr(name, "x")
    return out.getvalue()


def file(body: bytes, name: str = "") -> ContentFile[bytes]:
    return ContentFile(body, name)


def stored() -> list[str]:
    found: list[str] = []
    folders = [""]
    while folders:
        folder = folders.pop()
        inner, files = default_storage.listdir(folder)
        folders += [f"{folder}/{each}".strip("/") for each in inner]
        found += files
    return found


class Limits:
    @pytest.mark.parametrize(
        ("kind", "mime_type", "most"),
        [
            ("audio", "audio/ogg; codecs=opus", 16 * MB),
            ("audio", "audio/mp4", 16 * MB),
            ("video", "video/mp4", 16 * MB),
            ("video", "video/3gpp", 16 * MB),
            ("document", "application/pdf", 100 * MB),
            ("sticker", "image/webp", 500 * 1024),
        ],
    )
    def test_hold_to_the_byte(self, kind: str, mime_type: str, most: int) -> None:
        connection = people.hong_kong()
        assert check_outgoing(connection, kind, mime_type, most) == outgoing_media.Fit(True)
        refused = check_outgoing(connection, kind, mime_type, most + 1)
        assert not refused.fits and refused.reason

    def test_are_told_with_both_figures_and_what_to_do(self) -> None:
        reason = check_outgoing(people.hong_kong(), "video", "video/mp4", 16 * MB + 1, "開箱.mp4").reason
        assert reason == "The film has 16.1 MB; the channel takes 16 MB. Make it shorter or save it smaller."

    @pytest.mark.parametrize(
        ("kind", "mime_type", "words"),
        [
            ("video", "video/quicktime", "3GP, MP4"),
            ("audio", "audio/wav", "AAC, AMR, M4A, MP3, OGG"),
            ("document", "application/zip", "DOC, DOCX, PDF"),
            ("sticker", "image/png", "WEBP"),
            ("image", "image/svg+xml", "Save it as a PDF or as a picture"),
            ("document", "text/html", "Save it as a PDF or as a picture"),
            ("image", "application/pdf", "not a picture"),
            ("hologram", "image/png", "Send a link"),
        ],
    )
    def test_of_types_name_those_that_are_taken(self, kind: str, mime_type: str, words: str) -> None:
        refused = check_outgoing(people.hong_kong(), kind, mime_type, 1000)
        assert not refused.fits and words in refused.reason

    def test_of_words_are_those_of_the_kind(self) -> None:
        connection = people.hong_kong()
        assert check_outgoing(connection, "image", "image/png", 9, caption="茶" * 1024).fits
        assert "1024" in check_outgoing(connection, "image", "image/png", 9, caption="茶" * 1025).reason
        assert "text of their own" in check_outgoing(connection, "audio", "audio/ogg", 9, caption="聽").reason

    def test_leave_pictures_of_other_formats_and_large_ones_to_be_drawn_anew(self) -> None:
        connection = people.hong_kong()
        assert check_outgoing(connection, "image", "image/heic", 3 * MB).redraw
        assert check_outgoing(connection, "image", "image/jpeg", 9 * MB).redraw
        assert not check_outgoing(connection, "image", "image/jpeg", 3 * MB).redraw
        assert not check_outgoing(connection, "image", "image/jpeg", 51 * MB).fits
        assert not check_outgoing(connection, "image", "image/jpeg", 0).fits

    def test_are_the_channels_own_where_it_states_some(self, monkeypatch: pytest.MonkeyPatch) -> None:
        own = ChannelCapabilities(media={"video": MediaLimit(frozenset({"video/mp4"}), 200 * MB)})
        monkeypatch.setattr(outgoing_media, "capabilities_of", lambda connection: own)
        assert check_outgoing(people.hong_kong(), "video", "video/mp4", 150 * MB).fits
        assert not check_outgoing(people.hong_kong(), "audio", "audio/ogg", 10).fits


class Prepared:
    @pytest.mark.parametrize("kind", ["HEIF", "WEBP", "BMP", "TIFF", "GIF"])
    def test_pictures_of_other_formats_are_jpegs(self, kind: str) -> None:
        made = prepare_outgoing(people.hong_kong(), file(saved(scene(), kind), f"箱子.{kind.lower()}"))
        assert (made.mime_type, made.kind, made.filename) == ("image/jpeg", "image", "箱子.jpg")
        assert made.name.startswith("outgoing/") and made.name.endswith(".jpg")
        with default_storage.open(made.name) as kept:
            body = kept.read()
        assert corners(opened(body)) == ["red", "green", "blue", "yellow"] and made.size == len(body)

    def test_a_large_picture_is_below_the_limit(self) -> None:
        made = prepare_outgoing(people.hong_kong(), file(saved(noise(3600, 2700), quality=97), "DSC0001.JPG"))
        assert made.size < 5_000_000

    def test_an_agents_picture_does_not_tell_where_they_were(self) -> None:
        made = prepare_outgoing(people.hong_kong(), file(saved(scene(), exif=exif(place=True)), "a.jpg"))
        with default_storage.open(made.name) as kept:
            assert b"Kowloon" not in kept.read()

    def test_a_picture_that_pretends_to_be_a_document_is_a_picture(self) -> None:
        made = prepare_outgoing(people.hong_kong(), file(saved(scene()), "invoice.pdf"), kind="document")
        assert (made.kind, made.filename) == ("image", "invoice.jpg")

    @pytest.mark.parametrize(
        ("body", "name", "mime_type", "shown"),
        [
            (PDF, "發票 HK-104233.pdf", "application/pdf", "發票 HK-104233.pdf"),
            (PDF, "invoice.exe.pdf", "application/pdf", "invoice.pdf"),
            (PDF, "invoice.pdf.exe", "application/pdf", "invoice.pdf"),
            (PDF, "../../etc/passwd", "application/pdf", "passwd.pdf"),
            (PDF, "C:\\Users\\mei\\v1.2", "application/pdf", "v1.2.pdf"),
            (PDF, "rcs\u202efdp.exe", "application/pdf", "rcsfdp.pdf"),
            (PDF, "", "application/pdf", "file.pdf"),
            (
                archive("[Content_Types].xml", "word/document.xml"),
                "報價.docx",
                f"{file_types._OFFICE}wordprocessingml.document",
                "報價.docx",
            ),
            ("訂單,金額\nHK-1,380\n".encode(), "orders.csv", "text/plain", "orders.csv"),
            ("注文一覧".encode("cp932"), "注文.txt", "text/plain", "注文.txt"),
        ],
    )
    def test_documents_are_called_what_they_are(self, body: bytes, name: str, mime_type: str, shown: str) -> None:
        made = (
            prepare_outgoing(people.hong_kong(), file(body, "upload"), filename=name)
            if name
            else prepare_outgoing(people.hong_kong(), file(body))
        )
        assert (made.kind, made.mime_type, made.filename) == ("document", mime_type, shown)
        with default_storage.open(made.name) as kept:
            assert kept.read() == body

    @pytest.mark.parametrize(
        ("body", "mime_type", "kind"), [(OPUS, "audio/ogg", "audio"), (MP3, "audio/mpeg", "audio"), (FILM, "video/mp4", "video")]
    )
    def test_sounds_and_films_go_as_they_are(self, body: bytes, mime_type: str, kind: str) -> None:
        made = prepare_outgoing(people.hong_kong(), file(body, "x.bin"))
        assert (made.mime_type, made.kind) == (mime_type, kind)
        assert made.content() == {"file": made.name, "mime_type": mime_type, "filename": made.filename}

    def test_a_recording_in_a_films_container_can_go_as_sound(self) -> None:
        assert prepare_outgoing(people.hong_kong(), file(FILM, "memo.m4a"), kind="audio").mime_type == "audio/mp4"


class Refused:
    @pytest.mark.parametrize(
        ("body", "name", "kind"),
        [
            (PAGE, "receipt.html", ""),
            (PAGE, "receipt.jpg", "image"),
            (PAGE, "receipt.txt", "document"),
            (DRAWING, "logo.svg", "image"),
            (DRAWING, "logo.png", ""),
            (DRAWING, "logo.pdf", "document"),
            (b"\xef\xbb\xbf  " + DRAWING, "notes.txt", ""),
            (PAGE.decode().encode("utf-16"), "notes.txt", ""),
            (b"%PDF-1.7\n" + PAGE, "both.pdf", ""),
            (PDF + archive("a.class"), "both.pdf", ""),
            (OPUS + archive("a.class"), "both.ogg", ""),
            (archive("a.class"), "a.zip", ""),
            (archive("a.class"), "a.docx", ""),
            (b"MZ\x90\x00" + bytes(100), "setup.txt", ""),
            (b"#!/bin/sh\nrm -rf ~\n", "notes.txt", ""),
            (VORBIS, "memo.ogg", ""),
            (IPHONE_FILM, "IMG_0001.MOV", ""),
            (b"", "empty.pdf", ""),
            (saved(noise(200, 200))[:3000], "cut.jpg", ""),
            (b"\xff\xd8\xff" + bytes(50), "a.jpg", ""),
        ],
    )
    def test_with_a_sentence_and_nothing_stored(self, body: bytes, name: str, kind: str) -> None:
        with pytest.raises(NotSendable) as refused:
            prepare_outgoing(people.hong_kong(), file(body, name), kind=kind)
        assert str(refused.value).endswith(".")
        assert stored() == []

    def test_a_still_sticker_has_a_bound_of_its_own(self) -> None:
        still = saved(noise(512, 512), "WEBP", quality=95)
        assert len(still) > outgoing_media.STILL_STICKER
        with pytest.raises(NotSendable, match="100 KB"):
            prepare_outgoing(people.hong_kong(), file(still, "s.webp"), kind="sticker")
        made = prepare_outgoing(people.hong_kong(), file(saved(scene(), "WEBP"), "s.webp"), kind="sticker")
        assert (made.kind, made.mime_type) == ("sticker", "image/webp")

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        start=st.sampled_from([b"", b"\xff\xd8\xff", b"%PDF-", b"PK\x03\x04", b"GIF89a", b"OggS", b"\x00\x00\x00\x18ftyp", b"\xff\xf1"]),
        rest=st.binary(max_size=300),
        name=st.text(max_size=60),
        kind=st.sampled_from(["", "image", "audio", "video", "document", "sticker"]),
    )
    def test_or_taken_whatever_the_bytes_and_the_name(self, start: bytes, rest: bytes, name: str, kind: str) -> None:
        try:
            made = prepare_outgoing(people.hong_kong(), ContentFile(start + rest), kind=kind, filename=name)
        except NotSendable as error:
            assert str(error)
            return
        assert made.mime_type in outgoing_media.LIMITS[made.kind].mime_types
        assert made.filename.endswith(tuple(file_types.ENDINGS.values()) + tuple(file_types._TEXT_ENDINGS))
        assert "/" not in made.filename and len(made.filename) <= 110
