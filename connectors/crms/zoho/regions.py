"""Zoho's data centres: where an account logs in, and which addresses its token may be sent to."""

from __future__ import annotations

from urllib.parse import urlsplit

from connectors.accounts import Settings
from connectors.errors import Misconfigured

# Suffix of the data centre: (address of the accounts, address of the API when the token's answer names none).
DATA_CENTRES: dict[str, tuple[str, str]] = {
    "com": ("https://accounts.zoho.com", "https://www.zohoapis.com"),
    "eu": ("https://accounts.zoho.eu", "https://www.zohoapis.eu"),
    "in": ("https://accounts.zoho.in", "https://www.zohoapis.in"),
    "com.cn": ("https://accounts.zoho.com.cn", "https://www.zohoapis.com.cn"),
    "com.au": ("https://accounts.zoho.com.au", "https://www.zohoapis.com.au"),
    "jp": ("https://accounts.zoho.jp", "https://www.zohoapis.jp"),
    "sa": ("https://accounts.zoho.sa", "https://www.zohoapis.sa"),
    "ca": ("https://accounts.zohocloud.ca", "https://www.zohoapis.ca"),
}


def data_centre(settings: Settings) -> str:
    """The data centre's suffix. People enter 'zoho.eu', '.eu' or 'EU' as well."""
    entered = settings.need("data_center").lower().removeprefix("https://").removeprefix("accounts.").strip("./ ")
    found = entered.removeprefix("zohocloud.").removeprefix("zoho.")
    if found not in DATA_CENTRES:
        raise Misconfigured(f"Setting Data centre (data_center) is {entered!r}; there are {', '.join(DATA_CENTRES)}")
    return found


def accounts_url(settings: Settings) -> str:
    return settings.get("accounts_url") or DATA_CENTRES[data_centre(settings)][0]


def api_host(settings: Settings, named: str) -> str:
    """The address for calls: the one that the token's answer names, if it is Zoho's own. A token goes nowhere else."""
    parts = urlsplit(named if "://" in named else f"https://{named}" if named else "")
    if not parts.hostname:
        return DATA_CENTRES[data_centre(settings)][1]
    if _is_zohos(parts.scheme, parts.hostname) or _is_ours(settings, parts.netloc):
        return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    raise Misconfigured(
        f"Zoho's answer names {parts.hostname[:80]} as the address of its API, which is none of Zoho's; nothing was sent there"
    )


def _is_zohos(scheme: str, host: str) -> bool:
    return scheme == "https" and any(host == f"zohoapis.{dc}" or host.endswith(f".zohoapis.{dc}") for dc in DATA_CENTRES)


def _is_ours(settings: Settings, netloc: str) -> bool:
    """An accounts address that somebody entered by hand vouches for an API beside it."""
    own = settings.get("accounts_url")
    return bool(own) and urlsplit(own).netloc == netloc
