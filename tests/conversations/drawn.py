"""Pictures for tests, drawn here: four corners of different colours, in every format that customers send."""

from __future__ import annotations

import io
from typing import Any

import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()

CORNERS = {"red": (220, 30, 30), "green": (30, 200, 60), "blue": (30, 60, 220), "yellow": (230, 210, 40)}
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "HEIF", "AVIF")
# The turn and mirror that an Exif orientation asks a viewer for, undone: what the camera wrote when the scene was upright.
WRITTEN = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
TSIM_SHA_TSUI = {1: "N", 2: (22.0, 17.0, 36.0), 3: "E", 4: (114.0, 10.0, 12.0)}


def scene(width: int = 64, height: int = 48) -> Image.Image:
    """Red, green / blue, yellow: top left, top right / bottom left, bottom right."""
    picture = Image.new("RGB", (width, height), CORNERS["red"])
    picture.paste(CORNERS["green"], (width // 2, 0, width, height // 2))
    picture.paste(CORNERS["blue"], (0, height // 2, width // 2, height))
    picture.paste(CORNERS["yellow"], (width // 2, height // 2, width, height))
    return picture


def saved(picture: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def exif(*, orientation: int = 1, place: bool = False) -> Image.Exif:
    told = Image.Exif()
    told[0x0112] = orientation
    told[0x010F] = "Kowloon Camera"
    if place:
        told[0x8825] = TSIM_SHA_TSUI
        told.load(told.tobytes())
    return told


def noise(width: int, height: int) -> Image.Image:
    """Grain over slow changes of light, three different bands: about as hard to compress as a photograph at dusk."""
    light = Image.effect_noise((max(1, width // 8), max(1, height // 8)), 60).resize((width, height), Image.Resampling.BICUBIC)
    grain = Image.effect_noise((width, height), 30)
    mixed = Image.blend(light, grain, 0.4)
    sky = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (mixed, Image.blend(mixed, sky, 0.5), Image.blend(mixed, sky, 0.3)))


def opened(body: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(body))
    picture.load()
    return picture


def corners(picture: Image.Image) -> list[str]:
    """The names of the colours at top left, top right, bottom left and bottom right."""
    right, below = picture.width * 3 // 4, picture.height * 3 // 4
    left, top = picture.width // 4, picture.height // 4
    return [_nearest(picture.convert("RGB").getpixel(at)) for at in ((left, top), (right, top), (left, below), (right, below))]


def _nearest(colour: Any) -> str:
    def distance(name: str) -> int:
        return sum((a - b) ** 2 for a, b in zip(CORNERS[name], colour, strict=True))

    return min(CORNERS, key=distance)
