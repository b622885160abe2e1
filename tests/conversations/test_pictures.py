"""What becomes of pictures on their way to a CRM."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from scrm.conversations import jpeg, pictures
from scrm.conversations.pictures import BadPicture, as_jpeg, for_channel, for_crm
from tests.conversations.drawn import FORMATS, WRITTEN, corners, exif, noise, opened, saved, scene

UPRIGHT = ["red", "green", "blue", "yellow"]


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_header(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def told(body: bytes) -> bool:
    """There is Exif, or one of the words that stood in it."""
    return bool(opened(body).getexif()) or b"Kowloon Camera" in body or b"Exif" in body


class ForACrm:
    @pytest.mark.parametrize("kind", [each for each in FORMATS if each != "JPEG"])
    def test_every_format_becomes_a_jpeg(self, kind: str) -> None:
        made = for_crm(saved(scene(), kind))
        assert made is not None
        assert opened(made).format == "JPEG" and corners(opened(made)) == UPRIGHT

    def test_a_small_plain_jpeg_stays_as_it_is(self) -> None:
        assert for_crm(saved(scene(), quality=90)) is None

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
    def test_all_eight_ways_to_hold_a_camera_come_out_upright(self, kind: str, orientation: int) -> None:
        turn = WRITTEN[orientation]
        written = scene() if turn is None else scene().transpose(turn)
        made = for_crm(saved(written, kind, exif=exif(orientation=orientation)))
        assert made is not None
        assert opened(made).size == (64, 48)
        assert corners(opened(made)) == UPRIGHT
        assert not told(made)

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
    def test_the_place_of_taking_is_removed(self, kind: str) -> None:
        taken = saved(scene(), kind, exif=exif(place=True))
        assert b"Kowloon Camera" in taken
        made = for_crm(taken)
        assert made is not None and not told(made)

    def test_a_jpeg_that_only_tells_too_much_keeps_every_pixel(self) -> None:
        picture = noise(200, 100)
        told_too_much = saved(picture, quality=90, exif=exif(place=True), comment=b"Nathan Road")
        made = for_crm(told_too_much)
        assert made is not None and not told(made) and b"Nathan Road" not in made
        assert opened(made).tobytes() == opened(told_too_much).tobytes()

    def test_what_hides_behind_the_end_is_cut_off(self) -> None:
        film = saved(scene()) + b"\x00\x00\x00\x18ftypmp42" + b"\xff\xda" * 500
        assert for_crm(film) == saved(scene())

    @pytest.mark.parametrize("kind", ["PNG", "WEBP"])
    def test_transparent_becomes_white(self, kind: str) -> None:
        picture = scene().convert("RGBA")
        picture.paste((0, 0, 0, 0), (0, 0, 32, 24))
        made = opened(for_crm(saved(picture, kind, **({"lossless": True} if kind == "WEBP" else {}))) or b"")
        assert min(made.getpixel((8, 8))) > 245
        assert corners(made)[1:] == UPRIGHT[1:]

    def test_half_transparent_is_mixed_with_white_also_in_grey_and_palettes(self) -> None:
        grey = Image.merge("LA", (Image.new("L", (400, 600), 0), Image.new("L", (400, 600), 128)))
        made = opened(as_jpeg(saved(grey, "PNG")))
        assert all(120 < value < 136 for value in made.getpixel((200, 590)))
        palette = Image.new("P", (16, 16), 3)
        palette.putpalette([10 * n for n in range(12)])
        assert min(opened(as_jpeg(saved(palette, "GIF", transparency=3))).getpixel((8, 8))) > 245

    def test_of_a_moving_picture_the_first_is_taken(self) -> None:
        second = Image.new("RGB", (64, 48), "black")
        for kind in ("GIF", "WEBP", "PNG", "TIFF"):
            moving = saved(scene(), kind, save_all=True, append_images=[second, second])
            assert corners(opened(as_jpeg(moving))) == UPRIGHT, kind

    def test_sixteen_bits_keep_their_shades(self) -> None:
        deep = Image.new("I;16", (32, 32), 0x8000)
        assert 120 <= opened(as_jpeg(saved(deep, "PNG"))).getpixel((5, 5)) <= 136
        assert 120 <= opened(as_jpeg(saved(deep, "TIFF"))).getpixel((5, 5)) <= 136
        light = Image.new("F", (32, 32), 0.0)
        light.paste(1.0, (0, 0, 16, 32))
        made = opened(as_jpeg(saved(light, "TIFF")))
        assert made.getpixel((4, 4)) > 245 and made.getpixel((28, 4)) < 10

    def test_printers_colours_become_screen_colours(self) -> None:
        made = for_crm(saved(scene().convert("CMYK"), quality=95))
        assert made is not None
        assert opened(made).mode == "RGB" and corners(opened(made)) == UPRIGHT

    def test_black_and_white_stays_readable(self) -> None:
        fax = Image.new("1", (64, 48), 1)
        fax.paste(0, (0, 0, 32, 48))
        made = opened(as_jpeg(saved(fax, "TIFF"))).convert("L")
        assert made.getpixel((8, 8)) < 20 and made.getpixel((56, 8)) > 235

    def test_a_colour_profile_is_kept_where_it_fits(self) -> None:
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        assert opened(as_jpeg(saved(scene(), "PNG", icc_profile=profile))).info["icc_profile"] == profile
        made = for_crm(saved(scene(), exif=exif(place=True), icc_profile=profile))
        assert made is not None and opened(made).info["icc_profile"] == profile
        cmyk = profile[:16] + b"CMYK" + profile[20:]
        assert "icc_profile" not in opened(as_jpeg(saved(scene().convert("CMYK"), icc_profile=cmyk))).info


class TooLarge:
    def test_is_brought_below_five_million_bytes(self) -> None:
        large = saved(noise(4032, 3024), quality=95)
        assert len(large) > pictures.LIMIT
        made = for_crm(large)
        assert made is not None and len(made) < pictures.LIMIT
        assert opened(made).size == (4032, 3024)

    @pytest.mark.parametrize("limit", [400_000, 60_000, 8_000])
    def test_is_made_smaller_when_no_quality_is_enough(self, limit: int) -> None:
        made = as_jpeg(saved(Image.effect_noise((1200, 900), 100).convert("RGB"), quality=95), limit)
        assert len(made) < limit
        assert abs(opened(made).width / opened(made).height - 4 / 3) < 0.05

    def test_uses_much_of_what_it_may(self) -> None:
        made = as_jpeg(saved(noise(1600, 1200), quality=97), 400_000)
        assert len(made) > 200_000

    def test_is_encoded_four_times_at_most(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from scrm.conversations import fitting

        whole: list[int] = []
        encode = fitting._jpeg

        def counted(picture: Image.Image, quality: int, profile: bytes = b"") -> bytes:
            whole.extend([quality] if picture.height > fitting.STRIP * fitting.STRIPS else [])
            return encode(picture, quality, profile)

        monkeypatch.setattr(fitting, "_jpeg", counted)
        as_jpeg(saved(noise(1600, 1200), quality=97), 200_000)
        assert 1 <= len(whole) <= fitting.MOST_ENCODES

    def test_wider_than_a_jpeg_can_be(self) -> None:
        made = opened(as_jpeg(saved(Image.new("RGB", (70_000, 2), "white"), "PNG")))
        assert made.width <= 65_535


class Bombs:
    def test_are_refused_before_they_are_decoded(self) -> None:
        for size in ((60_000, 60_000), (8_000, 7_000)):
            bomb = png_header(*size) + png_chunk(b"IDAT", zlib.compress(b"\x00" * 1000)) + png_chunk(b"IEND", b"")
            with pytest.raises(BadPicture) as refused:
                for_crm(bomb)
            assert refused.value.reason == "too_many_pixels"

    def test_of_passes_are_refused(self) -> None:
        body = saved(noise(200, 200), progressive=True)
        parts = list(jpeg.segments(body))
        last = next(each for each in reversed(parts) if each.marker == jpeg.SCAN)
        bomb = body[: last.end] + body[last.start : last.end] * 100 + b"\xff\xd9"
        with pytest.raises(BadPicture) as refused:
            as_jpeg(bomb)
        assert refused.value.reason == "too_many_passes"

    def test_that_are_huge_jpegs_are_drawn_small(self) -> None:
        made = opened(as_jpeg(saved(Image.new("L", (9000, 6000), 200))))
        assert made.size == (4500, 3000)

    def test_of_text_in_a_png_harm_nothing(self) -> None:
        start = saved(scene(), "PNG")
        bomb = start[:33] + png_chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(b"A" * 80_000_000)) + start[33:]
        try:
            made = for_crm(bomb)
        except BadPicture:
            return
        assert made is not None and len(made) < 100_000


class Garbage:
    @pytest.mark.parametrize("kind", FORMATS)
    def test_a_picture_cut_off_anywhere_is_told_or_drawn(self, kind: str) -> None:
        whole = saved(noise(96, 64), kind)
        for share in (0.02, 0.2, 0.5, 0.8, 0.97):
            try:
                made = as_jpeg(whole[: int(len(whole) * share)])
            except BadPicture as error:
                assert error.reason in {"unreadable", "cut_off"}
                continue
            assert opened(made).format == "JPEG"

    def test_a_photo_cut_in_half_is_called_cut_off(self) -> None:
        for kind in ("JPEG", "PNG", "WEBP"):
            whole = saved(noise(400, 300), kind)
            with pytest.raises(BadPicture) as refused:
                for_crm(whole[: len(whole) // 2])
            assert refused.value.reason in {"cut_off", "unreadable"}

    @pytest.mark.parametrize(
        "body", [b"", b"\xff", b"\xff\xd8\xff", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"GIF89a", b"BM"]
    )
    def test_that_is_no_picture_is_unreadable(self, body: bytes) -> None:
        with pytest.raises(BadPicture) as refused:
            for_crm(body)
        assert refused.value.reason in {"unreadable", "cut_off"} and str(refused.value)

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        start=st.sampled_from(
            [
                b"\xff\xd8\xff",
                b"\x89PNG\r\n\x1a\n",
                b"GIF89a",
                b"BM",
                b"II*\x00",
                b"RIFF\x00\x00\x00\x00WEBPVP8 ",
                b"\x00\x00\x00\x18ftypheic",
            ]
        ),
        rest=st.binary(max_size=400),
    )
    def test_of_any_bytes_ends_in_a_picture_or_a_reason(self, start: bytes, rest: bytes) -> None:
        self._drawn_or_told(start + rest)

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(kind=st.sampled_from(FORMATS), places=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=8))
    def test_of_damaged_pictures_ends_in_a_picture_or_a_reason(self, kind: str, places: list[tuple[int, int]]) -> None:
        body = bytearray(_whole(kind))
        for place, value in places:
            body[place % len(body)] = value
        self._drawn_or_told(bytes(body))

    def _drawn_or_told(self, body: bytes) -> None:
        for draw in (lambda: for_crm(body), lambda: as_jpeg(body), lambda: for_channel(body, {"image/jpeg", "image/png"})[0]):
            try:
                made = draw()
            except BadPicture as error:
                assert str(error) == pictures.SENTENCES[error.reason]
                continue
            assert made is None or len(made) < pictures.LIMIT


_made: dict[str, bytes] = {}


def _whole(kind: str) -> bytes:
    if kind not in _made:
        options = {"exif": exif(orientation=6, place=True)} if kind in {"JPEG", "PNG", "WEBP", "TIFF"} else {}
        _made[kind] = saved(noise(48, 32), kind, **options)
    return _made[kind]


class ForAChannel:
    TYPES = frozenset({"image/jpeg", "image/png"})

    @pytest.mark.parametrize("kind", FORMATS)
    def test_every_format_is_one_that_the_channel_takes(self, kind: str) -> None:
        body, mime_type = for_channel(saved(scene(), kind), self.TYPES)
        assert mime_type == ("image/png" if kind == "PNG" else "image/jpeg")
        assert opened(body).format == {"image/png": "PNG", "image/jpeg": "JPEG"}[mime_type]
        assert corners(opened(body)) == UPRIGHT

    @pytest.mark.parametrize("kind", ["JPEG", "PNG"])
    def test_keeps_pixels_and_nothing_else(self, kind: str) -> None:
        page = b"<script>alert(1)</script>"
        picture = saved(noise(120, 80), kind, exif=exif(place=True)) + page
        body, _ = for_channel(picture, self.TYPES)
        assert opened(body).tobytes() == opened(picture).tobytes()
        assert page not in body and b"Kowloon" not in body

    def test_a_page_in_a_pictures_comments_is_left_out(self) -> None:
        body = saved(scene(), "GIF", comment=b"<script>alert(1)</script>")
        assert b"<script" in body
        assert b"<script" not in for_channel(body, self.TYPES)[0]

    def test_one_that_only_looks_whole_is_refused(self) -> None:
        damaged = bytearray(saved(noise(300, 200), "PNG"))
        damaged[len(damaged) // 2 : len(damaged) // 2 + 200] = b"\x00" * 200
        with pytest.raises(BadPicture):
            for_channel(bytes(damaged), self.TYPES)
