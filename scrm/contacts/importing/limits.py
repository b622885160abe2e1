"""What a file may be. Pure."""

from __future__ import annotations

from datetime import timedelta

FILE_BYTES = 60 * 2**20
UNPACKED_BYTES = 600 * 2**20
# A sheet of repeated words packs some twenty-fold; a bomb a thousand-fold.
UNPACKED_RATIO = 150
RATIO_COUNTS_FROM = 20 * 2**20
ZIP_ENTRIES = 2_000
ROWS = 500_000
COLUMNS = 200
CELL_LENGTH = 32_767
SAMPLE_BYTES = 256 * 2**10
PREVIEW_ROWS = 8
HEADER_WITHIN = 30
# What was uploaded, and the cells of rows that were not loaded, are personal data. The file goes soon after the end; the rows to repair
# stay for a week, and so does a file that waits to be started.
KEPT = timedelta(days=7)
FILE_KEPT = timedelta(minutes=30)
# One transaction: on SQLite webhooks wait for it.
CHUNK = {"postgresql": 2_000, "sqlite": 400}
EXPORTED_ALONE = 10_000
