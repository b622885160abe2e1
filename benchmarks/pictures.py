"""Pictures drawn anew for a CRM: time and memory, each format in a fresh process.

`python -m benchmarks.pictures make FOLDER WIDTH HEIGHT` draws the pictures, `... measure FILE ROUNDS` is one such process.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Result, Row

SIZE = 4032, 3024
# The promise is for a JPEG straight from a camera; the others are what customers send besides, for information.
PICTURES = {
    "camera.jpg": "JPEG, 12 megapixels, 4:2:0",
    "turned.jpg": "JPEG held upright (to be turned by 90 degrees)",
    "progressive.jpg": "progressive JPEG",
    "transparent.png": "PNG with transparency",
    "phone.heic": "HEIC",
}
MOST_MS, MOST_MB = 400, 150


def run(*, quick: bool = False) -> Result:
    rounds, size = (2, (1008, 756)) if quick else (9, SIZE)
    rows, notes = [], []
    with tempfile.TemporaryDirectory(prefix="scrm-bench-") as folder:
        _child("make", folder, *map(str, size))
        for name, what in PICTURES.items():
            found = json.loads(_child("measure", str(Path(folder) / name), str(rounds)))
            first = name == "camera.jpg"
            rows += [
                Row(f"{what}: time", found["ms"], "ms", most=MOST_MS if first else None),
                Row(f"{what}: whole process at its peak", [found["peak_mb"]], "MB", most=MOST_MB if first else None),
                Row(f"{what}: of that for the picture", [found["peak_mb"] - found["start_mb"]], "MB"),
            ]
            notes.append(
                f"{what}: {found['given'] / 1e6:.1f} MB given, {found['made'] / 1e6:.1f} MB made, CPU {found['cpu_ms']:.0f} ms each"
            )
    return Result("pictures", "Pictures below 5 MB for a CRM", rows, notes)


def _child(*arguments: str) -> str:
    """The pictures are drawn in a process of their own too: on Linux a child starts with the greatest memory of its parent."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.pictures", *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def _make(folder: Path, width: int, height: int) -> None:
    import pillow_heif
    from PIL import Image

    pillow_heif.register_heif_opener()
    light = Image.effect_noise((width // 8, height // 8), 60).resize((width, height), Image.Resampling.BICUBIC)
    mixed = Image.blend(light, Image.effect_noise((width, height), 30), 0.4)
    sky = Image.linear_gradient("L").resize((width, height))
    photo = Image.merge("RGB", (mixed, Image.blend(mixed, sky, 0.5), Image.blend(mixed, sky, 0.3)))
    told = Image.Exif()
    told[0x0112] = 6
    photo.save(folder / "camera.jpg", quality=96, subsampling="4:2:0")
    photo.save(folder / "turned.jpg", quality=96, subsampling="4:2:0", exif=told)
    photo.save(folder / "progressive.jpg", quality=96, subsampling="4:2:0", progressive=True)
    photo.save(folder / "phone.heic", quality=80)
    photo.putalpha(sky)
    photo.save(folder / "transparent.png", compress_level=1)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _measure(file: Path, rounds: int) -> dict[str, object]:
    from scrm.conversations import pictures

    given = file.read_bytes()
    # Small pictures, for a quick run, are below the limit from the start.
    limit = min(pictures.LIMIT, len(given) * 2 // 3)
    start, cpu = _peak_mb(), time.process_time()
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        made = pictures.for_crm(given, limit)
        times.append((time.perf_counter() - began) * 1000)
    if made is None or len(made) >= limit:
        raise SystemExit(f"{file.name} was not brought below {limit} bytes")
    each = (time.process_time() - cpu) * 1000 / rounds
    return {"ms": times, "cpu_ms": each, "start_mb": start, "peak_mb": _peak_mb(), "given": len(given), "made": len(made)}


if __name__ == "__main__":
    if sys.argv[1] == "make":
        _make(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        print(json.dumps(_measure(Path(sys.argv[2]), int(sys.argv[3]))))
