"""What runs in the background for this app."""

from scrm.automation import engine  # noqa: F401 - registers the consumer of events
