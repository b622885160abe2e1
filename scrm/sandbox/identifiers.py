"""Ids in the platform's shapes."""

import base64
import secrets


def new_wamid(digits: str, *, inbound: bool) -> str:
    """A message id: base64 over the partner's digits and 72 random bits, as live ones are built."""
    tail = secrets.token_hex(9).upper().encode()
    partner = digits.encode()[:60]
    direction = b"\x12" if inbound else b"\x11"
    raw = b"\x1c\x18" + bytes([len(partner)]) + partner + b"\x15\x02\x00" + direction + b"\x18" + bytes([len(tail)]) + tail + b"\x00"
    return "wamid." + base64.b64encode(raw).decode()


def new_object_id(length: int = 15) -> str:
    """A Graph object id: digits, never a leading zero."""
    return str(secrets.randbelow(9) + 1) + "".join(str(secrets.randbelow(10)) for _ in range(length - 1))


def new_user_id(country: str) -> str:
    """A business-scoped user id: country code, a dot, up to 128 letters and digits."""
    return f"{country}.{new_object_id(17)}"


def new_trace_id() -> str:
    return "A" + secrets.token_urlsafe(16).replace("-", "x").replace("_", "y")
