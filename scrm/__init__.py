"""The Django project and its business apps. Who may import whom is written in pyproject.toml and checked by `make lint`."""
