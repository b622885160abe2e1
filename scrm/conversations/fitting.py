"""A picture as JPEG below a number of bytes, with few encodings."""

from __future__ import annotations

import io
import math

from PIL import Image

# What a JPEG can state is 65,535.
LONGEST_SIDE = 65_000
QUALITIES = (92, 88, 84, 80, 75, 70)
MOST_ENCODES = 4
STRIP, STRIPS = 16, 16


def jpeg_below(picture: Image.Image, profile: bytes, limit: int) -> bytes:
    """JPEG of less than `limit` bytes of a picture in RGB or grey, with the colour profile. ValueError when nothing fits.

    The best quality that fits is looked for on a sample, so that the whole is mostly encoded once, at most `MOST_ENCODES` times.
    Only when the least quality does not fit is the picture made smaller.
    """
    if max(picture.size) > LONGEST_SIDE:
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), reducing_gap=2.0)
    sample = _sample(picture)
    for attempt in range(MOST_ENCODES):
        quality = _quality(sample, _pixels(picture), (limit - len(profile)) * (0.94 - 0.12 * attempt))
        if quality is None:
            picture = _smaller(picture, sample, (limit - len(profile)) * (0.85 - 0.15 * attempt))
            sample, quality = _sample(picture), QUALITIES[-1]
        body = _jpeg(picture, quality, profile)
        if len(body) < limit:
            return body
    raise ValueError("no size of this picture fits")


def _jpeg(picture: Image.Image, quality: int, profile: bytes = b"") -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, icc_profile=profile or None, exif=b"", comment=b"")
    return out.getvalue()


def _sample(picture: Image.Image) -> Image.Image:
    """Strips from all over the picture, about a twelfth of 12 megapixels."""
    if picture.height <= STRIP * STRIPS * 2:
        return picture
    sample = Image.new(picture.mode, (picture.width, STRIP * STRIPS))
    for number in range(STRIPS):
        top = (picture.height - STRIP) * number // (STRIPS - 1)
        sample.paste(picture.crop((0, top, picture.width, top + STRIP)), (0, number * STRIP))
    return sample


def _expected(sample: Image.Image, pixels: int, quality: int) -> float:
    return len(_jpeg(sample, quality)) * pixels / _pixels(sample)


def _quality(sample: Image.Image, pixels: int, bytes_: float) -> int | None:
    """The best of `QUALITIES` that is expected to fit, by halving; None when not even the least does."""
    low, high = 0, len(QUALITIES)
    while low < high:
        middle = (low + high) // 2
        if _expected(sample, pixels, QUALITIES[middle]) <= bytes_:
            high = middle
        else:
            low = middle + 1
    return QUALITIES[low] if low < len(QUALITIES) else None


def _smaller(picture: Image.Image, sample: Image.Image, bytes_: float) -> Image.Image:
    """Scaled so that the least quality is expected to fit."""
    factor = min(0.95, math.sqrt(bytes_ / _expected(sample, _pixels(picture), QUALITIES[-1])))
    size = max(1, int(picture.width * factor)), max(1, int(picture.height * factor))
    return picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _pixels(picture: Image.Image) -> int:
    return picture.width * picture.height
