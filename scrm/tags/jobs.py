"""What runs in the background for this app, and what conditions can ask of it."""

from scrm.tags import (
    importing,  # noqa: F401 - registers what comes with an import
    terms,  # noqa: F401 - registers the terms
)
