"""What runs in the background for this app."""

from scrm.automation import engine  # noqa: F401 - registers the consumer of events
from scrm.automation.services import withdrawn
from scrm.conversations import causes

causes.register("rule", withdrawn)
