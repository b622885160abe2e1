"""Everything that an empty sandbox needs before the first call."""

from scrm.sandbox.library import ensure_templates
from scrm.sandbox.numbers import ensure_numbers
from scrm.sandbox.people import ensure_people


def ensure_all() -> None:
    """Idempotent: numbers with their secrets, templates, customers."""
    ensure_numbers()
    ensure_templates()
    ensure_people()
