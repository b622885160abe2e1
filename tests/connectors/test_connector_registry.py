"""The list of adapters."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import connectors
from connectors import registry
from connectors.contracts import Account, Channel, Crm
from connectors.errors import Misconfigured

ROOT = Path(connectors.__file__).parent

# A provider that mirrors another's interface is built upon it; all others know nothing of each other.
BUILT_UPON = {"connectors.channels.bsp": "connectors.channels.whatsapp"}


class TestRegistry:
    @pytest.mark.parametrize("slug", sorted(registry.CHANNELS))
    def test_every_channel_can_be_made(self, slug: str) -> None:
        made = registry.channel(slug, Account(slug))
        assert isinstance(made, Channel) and made.slug == slug

    @pytest.mark.parametrize("slug", sorted(registry.CRMS))
    def test_every_crm_can_be_made(self, slug: str) -> None:
        made = registry.crm(slug, Account(slug))
        assert isinstance(made, Crm) and made.slug == slug

    @pytest.mark.parametrize("slug", sorted(registry.CHANNELS | registry.CRMS))
    def test_fields_have_labels_and_secrets_no_defaults(self, slug: str) -> None:
        fields = registry.fields(slug)
        assert len({field.name for field in fields}) == len(fields)
        assert all(field.label and not (field.secret and field.default) for field in fields)

    @pytest.mark.parametrize("slug", ["hubspot", "telex", ""])
    def test_unknown_channel_is_told(self, slug: str) -> None:
        with pytest.raises(Misconfigured):
            registry.channel(slug, Account(slug))

    def test_listing_imports_no_adapter(self) -> None:
        code = (
            "import sys, connectors.registry; print([name for name in sys.modules if name.startswith(('connectors.c', 'django', 'httpx'))])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT.parent, check=True)
        assert done.stdout.strip() == "['connectors.contracts']"

    def test_missing_setting_is_named(self) -> None:
        with pytest.raises(Misconfigured, match="waba_id"):
            registry.channel("whatsapp_cloud", Account("whatsapp_cloud")).templates()

    def test_secrets_are_not_printed(self) -> None:
        assert "tok-77" not in repr(Account("whatsapp_cloud", {}, {"access_token": "tok-77"}))


class TestDirection:
    @pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
    def test_imports_neither_django_nor_another_adapter(self, path: Path) -> None:
        own = ".".join(path.relative_to(ROOT.parent).parts[:3])
        for name in _imported(path):
            assert name.split(".")[0] not in {"django", "scrm", "rest_framework", "reports"}
            if name.startswith(("connectors.channels.", "connectors.crms.")):
                allowed = {own, BUILT_UPON.get(own, own)}
                assert name in allowed or name.startswith(tuple(f"{each}." for each in allowed))


def _imported(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return names
