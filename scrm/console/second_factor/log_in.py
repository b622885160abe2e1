"""The form of the log-in: who guessed too often is told how long to wait, whether the name is somebody's or not."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from scrm.console.second_factor.views import wait_words


class LogInForm(AuthenticationForm):  # type: ignore[misc]
    def get_invalid_login_error(self) -> ValidationError:
        wait = getattr(self.request, "log_in_wait", 0)
        if wait:
            return ValidationError(wait_words(wait), code="wait")
        return super().get_invalid_login_error()  # type: ignore[no-any-return]
