"""Pictures for places that take JPEG only: upright, on white, without the place of taking, below a number of bytes. Bytes in, bytes out.

Input is whatever a stranger sent. Only formats that phones and screens make are opened (others of Pillow's start programs or are
rarely tested), and no more is decoded than `MOST_PIXELS`. A picture takes 4 bytes a pixel while it is decoded, 48 MB for 12 megapixels.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Collection
from functools import cache
from importlib import import_module
from typing import Literal, TypeAlias

from PIL import Image, ImageCms

from scrm.conversations import fitting, jpeg, png

# "Below 5 MB" as CRMs count it: decimal, which is also below the 5 MiB of messaging platforms.
LIMIT = 5_000_000
# The largest common phone sensor. A JPEG of this size is decoded at half its width or less, any other format must be decoded whole.
MOST_PIXELS = 108_000_000
MOST_WHOLE = 51_000_000
# What is larger than this is halved while it is read: 100 MB of memory are enough for any screen.
MOST_KEPT = 25_000_000
# Cameras write up to 12; each of thousands costs as much as a picture of its own.
MOST_SCANS = 64
PROFILE_BYTES = 512 * 1024

Reason: TypeAlias = Literal["unreadable", "cut_off", "too_many_pixels", "too_many_passes"]
SENTENCES: dict[Reason, str] = {
    "unreadable": "The file is not a picture that can be read",
    "cut_off": "The picture is damaged or cut off",
    "too_many_pixels": "The picture has too many pixels to be opened safely",
    "too_many_passes": "The picture is built in more passes than can be opened safely",
}
# By type the name of the format and of the module that reads it, which is loaded when the first such picture comes.
FORMATS = {
    "image/jpeg": ("JPEG", "PIL.JpegImagePlugin"),
    "image/png": ("PNG", "PIL.PngImagePlugin"),
    "image/gif": ("GIF", "PIL.GifImagePlugin"),
    "image/webp": ("WEBP", "PIL.WebPImagePlugin"),
    "image/bmp": ("BMP", "PIL.BmpImagePlugin"),
    "image/tiff": ("TIFF", "PIL.TiffImagePlugin"),
    "image/avif": ("AVIF", "PIL.AvifImagePlugin"),
    "image/heic": ("HEIF", "pillow_heif.as_plugin"),
}
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"})
_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Everything that Pillow raises for files that are not what they say.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, OverflowError, AttributeError, RuntimeError, struct.error)
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class BadPicture(ValueError):
    """The picture cannot be drawn anew; `reason` says why, the text is a sentence."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(SENTENCES[reason])
        self.reason: Reason = reason


def type_of(content: bytes) -> str:
    """The picture's type by its first bytes, "" for what is none of those that are opened here."""
    for signature, found in _SIGNATURES:
        if content.startswith(signature):
            return found
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:8] == b"ftyp":
        brand = content[8:12]
        return "image/avif" if brand in {b"avif", b"avis"} else "image/heic" if brand in _HEIF_BRANDS else ""
    return ""


def for_crm(content: bytes, limit: int = LIMIT) -> bytes | None:
    """The JPEG that goes on to a CRM, or None when the file itself will do. Raises `BadPicture`.

    A JPEG that is upright and small enough is not decoded: it only loses what was told about it. Anything else is drawn anew.
    """
    if type_of(content) != "image/jpeg" or len(content) >= limit:
        return as_jpeg(content, limit)
    try:
        shape = jpeg.shape_of(content)
    except jpeg.NotWhole:
        return as_jpeg(content, limit)
    if shape.components not in {1, 3} or orientation(content) != 1:
        return as_jpeg(content, limit)
    return jpeg.without_told(content) if shape.told or shape.end < len(content) else None


def for_channel(content: bytes, types: Collection[str], limit: int = LIMIT) -> tuple[bytes, str]:
    """The picture as a messaging platform takes it, and its type. Raises `BadPicture`, also for one that only looks whole.

    A JPEG or PNG that the platform takes keeps its pixels, and loses place, comments, and whatever hides behind its end.
    """
    found = type_of(content)
    lean = _lean(content, found) if found in types else None
    if lean is None or len(lean) >= limit:
        return as_jpeg(content, limit), "image/jpeg"
    check(lean)
    return lean, found


def _lean(content: bytes, found: str) -> bytes | None:
    """Without what was told, or None when the pixels must be drawn anew."""
    try:
        if found == "image/png":
            return png.without_told(content) if orientation(content) == 1 else None
        if found == "image/jpeg" and jpeg.shape_of(content).components in {1, 3} and orientation(content) == 1:
            return jpeg.without_told(content)
    except (jpeg.NotWhole, png.NotWhole):
        return None
    return None


def check(content: bytes) -> None:
    """Decode all of it, a JPEG as small as it can be. Raises `BadPicture`."""
    picture = _open(content)
    _check_size(picture, content)
    picture.draft(None, (picture.width // 8 or 1, picture.height // 8 or 1))
    _load(picture)


def orientation(content: bytes) -> int:
    """How the camera was held, 1 to 8 as in Exif; 1 when nothing readable is said."""
    try:
        return _orientation(_open(content))
    except BadPicture:
        return 1


def as_jpeg(content: bytes, limit: int = LIMIT) -> bytes:
    """The picture (of an animated one the first) as JPEG of less than `limit` bytes. Raises `BadPicture`."""
    picture = _open(content)
    _check_size(picture, content)
    if picture.format in {"JPEG", "MPO"} and _pixels(picture) > MOST_KEPT:
        _draft(picture)
    _load(picture)
    try:
        picture = _upright(picture)
        profile = _profile(picture)
        picture = _on_white(picture, profile)
        return fitting.jpeg_below(picture, profile if _fits(profile, picture.mode) else b"", limit)
    except MemoryError:
        raise BadPicture("too_many_pixels") from None
    except BadPicture:
        raise
    except _BROKEN:
        raise BadPicture("unreadable") from None


def _load(picture: Image.Image) -> None:
    try:
        picture.load()
    except (*_BOMBS, MemoryError):
        raise BadPicture("too_many_pixels") from None
    except _BROKEN:
        raise BadPicture("cut_off") from None


def _open(content: bytes) -> Image.Image:
    found = FORMATS.get(type_of(content))
    if found is None:
        raise BadPicture("unreadable")
    name, reader = found
    _learn(reader)
    try:
        return Image.open(io.BytesIO(content), formats=[name])
    except _BOMBS:
        raise BadPicture("too_many_pixels") from None
    except _BROKEN:
        raise BadPicture("unreadable") from None


@cache
def _learn(reader: str) -> None:
    module = import_module(reader)
    if reader == "pillow_heif.as_plugin":
        module.register_heif_opener(thumbnails=False)


def _pixels(picture: Image.Image) -> int:
    return picture.width * picture.height


def _check_size(picture: Image.Image, content: bytes) -> None:
    """A progressive JPEG keeps its coefficients, as much memory as the whole picture, however small it is drawn."""
    is_jpeg = picture.format in {"JPEG", "MPO"}
    whole = not is_jpeg or bool(picture.info.get("progressive"))
    if _pixels(picture) > (MOST_WHOLE if whole else MOST_PIXELS):
        raise BadPicture("too_many_pixels")
    if is_jpeg and _scans(content) > MOST_SCANS:
        raise BadPicture("too_many_passes")


def _scans(content: bytes) -> int:
    """In a file that leads to its end only those of the picture itself count: behind it a phone may have put a film."""
    most = content.count(b"\xff\xda")
    if most <= MOST_SCANS:
        return most
    try:
        return jpeg.shape_of(content).scans
    except jpeg.NotWhole:
        return most


def _draft(picture: Image.Image) -> None:
    """Let the decoder halve a JPEG as often as it takes; it costs a part of the time and memory of the whole."""
    shrink = 1
    while _pixels(picture) / shrink**2 > MOST_KEPT and shrink < 8:
        shrink *= 2
    picture.draft(None, (math.ceil(picture.width / shrink), math.ceil(picture.height / shrink)))


def _orientation(picture: Image.Image) -> int:
    """Exif is written by anybody and read leniently: what cannot be read says nothing."""
    try:
        stated = picture.getexif().get(0x0112, 1)
    except Exception:  # its readers raise nearly anything, and none of it concerns the pixels
        return 1
    return stated if isinstance(stated, int) and 1 <= stated <= 8 else 1


def _upright(picture: Image.Image) -> Image.Image:
    turn = _UPRIGHT.get(_orientation(picture))
    return picture if turn is None else picture.transpose(turn)


def _profile(picture: Image.Image) -> bytes:
    found = picture.info.get("icc_profile")
    return found if isinstance(found, bytes) and len(found) > 128 else b""


def _fits(profile: bytes, mode: str) -> bool:
    """A profile describes one way to state colours; kept beside another it would turn them into others."""
    return len(profile) <= PROFILE_BYTES and profile[16:20] == {"RGB": b"RGB ", "L": b"GRAY"}.get(mode, b"-")


def _on_white(picture: Image.Image, profile: bytes) -> Image.Image:
    """In RGB or grey, without transparency. Strip by strip, so that no third copy of the whole is needed."""
    if picture.mode in {"RGB", "L"} and "transparency" not in picture.info:
        return picture
    if picture.mode.startswith("I") or picture.mode == "F":
        return _from_deep(picture)
    if picture.mode == "CMYK":
        return _from_print(picture, profile)
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    white = Image.new("RGB", picture.size, "white")
    for top in range(0, picture.height, 256):
        strip = picture.crop((0, top, picture.width, min(top + 256, picture.height))).convert("RGBA")
        white.paste(strip, (0, top), mask=strip.getchannel("A"))
    return white


def _from_deep(picture: Image.Image) -> Image.Image:
    """16 bits a pixel, or numbers of any range: brought to 8 bits. Pillow itself would cut off at 255."""
    if picture.mode.startswith("I;16"):
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    low, high = picture.getextrema()
    if not isinstance(low, int | float) or not isinstance(high, int | float) or not (math.isfinite(low) and math.isfinite(high)):
        raise BadPicture("unreadable")
    scale = 1 / 256 if picture.mode == "I" and low >= 0 and high <= 0xFFFF else 255 / ((high - low) or 1)
    shift = 0 if scale == 1 / 256 else -low * scale
    return picture.point(lambda value: value * scale + shift).convert("L")


def _from_print(picture: Image.Image, profile: bytes) -> Image.Image:
    """CMYK by its profile where it has a usable one."""
    if profile[16:20] == b"CMYK":
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            converted = None
        if converted is not None:
            return converted
    return picture.convert("RGB")
