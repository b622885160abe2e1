"""What may stand in a log: kinds of errors and places in the code, never what customers wrote or what a database quotes of a row."""

from __future__ import annotations

import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FRAMES = 4


def trail(error: BaseException) -> str:
    """'IntegrityError at scrm/conversations/inbound.py:61 record_inbound < scrm/intake/pipeline.py:203 _apply_messages'.

    A database's own message quotes values of the failing row, so the message is left out.
    """
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(str(ROOT)) and ".venv" not in frame.filename
    ]
    places = [f"{Path(frame.filename).relative_to(ROOT)}:{frame.lineno} {frame.name}" for frame in reversed(frames)]
    return f"{type(error).__name__} at {' < '.join(places[:FRAMES]) or 'an unknown place'}"
