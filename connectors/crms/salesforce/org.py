"""One org as the other modules need it: its wire, its schema, and where new people go."""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.crms.salesforce import soql
from connectors.crms.salesforce.objects import CONTACT, KEY, LEAD, PREFIXES, place
from connectors.crms.salesforce.schema import Described, Schema
from connectors.crms.salesforce.wire import Wire
from connectors.errors import ConnectorError, Misconfigured, NeedsLogin, TryLater
from connectors.untrusted import as_text

USER = "005"
_KEYS_A_QUERY = 100  # the query travels in the address, which may have 16,000 characters


@dataclass
class Org:
    """`person` is Contact or Lead; `account`: the account that new contacts are put under, '' for none."""

    wire: Wire
    schema: Schema
    person: str = CONTACT
    account: str = ""
    _me: str | None = field(default=None, repr=False)

    def object_for(self, kind: str, record_id: str = "") -> str:
        """Where a record of this kind is, or, without an id, where a new one goes."""
        if kind != "contact":
            return place(kind).sobject
        known = PREFIXES.get(record_id[:3], "")
        return known if known in {CONTACT, LEAD} else self.person

    def keyed(self, sobject: str) -> Described:
        """The object's description. Raises `Misconfigured` when our key field is not there."""
        described = self.schema.of(sobject)
        if described.key is None:
            raise Misconfigured(f"Salesforce's {sobject} has no field {KEY} that the app's user may see; press 'Save and check'")
        return described

    def ids_by_key(self, sobject: str, keys: list[str]) -> dict[str, list[str]]:
        """{our key: the records that carry it}. More than one only where the org cannot keep the field unique."""
        found: dict[str, list[str]] = {}
        for start in range(0, len(keys), _KEYS_A_QUERY):
            part = keys[start : start + _KEYS_A_QUERY]
            where = [f"{KEY} IN {soql.texts(part)}"]
            rows, _ = self.wire.query(soql.select(["Id", KEY], sobject, where, order=["CreatedDate", "Id"]))
            for row in rows:
                key, record_id = as_text(row.get(KEY)), as_text(row.get("Id"))
                if key in part and soql.is_id(record_id):  # texts are compared without regard to case over there
                    found.setdefault(key, []).append(record_id)
        return found

    def me(self) -> str:
        """The id of the app's own user, '' when Salesforce does not tell."""
        if self._me is None:
            try:
                told = as_text(self.wire.call("GET", "/services/oauth2/userinfo").get("user_id"))
            except (NeedsLogin, TryLater):
                raise
            except ConnectorError:
                told = ""
            self._me = told if soql.is_id(told) and told.startswith(USER) else ""
        return self._me
