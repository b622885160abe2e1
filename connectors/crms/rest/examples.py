"""Set-ups to begin with: one in which every usual entry stands, and those of CRMs that were driven both ways with them."""

from __future__ import annotations

from collections.abc import Mapping

PLAIN = """{
  "kinds": {
    "contact": {
      "list": "/api/contacts/?ordering=id",
      "rows": "/results",
      "id": "/id",
      "modified": "/updated_at",
      "paging": {"style": "page", "param": "page", "size_param": "page_size", "size": 100, "next": "/next"},
      "since": {"param": "updated_at__gte", "format": "iso"},
      "item": "/api/contacts/{id}/",
      "create": "POST /api/contacts/",
      "update": "PATCH /api/contacts/{id}/",
      "key": "/custom/scrm_id",
      "search": "scrm_id"
    }
  }
}"""

_DJANGO_CRM = """{
  "kinds": {
    "contact": {
      "list": "/contacts/",
      "rows": "/results",
      "id": "/id",
      "modified": "/updated_at",
      "resolution": "ms",
      "paging": {"style": "offset", "param": "offset", "size_param": "limit", "size": 100},
      "item": "/contacts/{id}/",
      "item_at": "/contact_obj",
      "create": "POST /contacts/",
      "update": "PATCH /contacts/{id}/",
      "key": "/custom_fields/scrm_id",
      "search": "cf_scrm_id"
    }
  }
}"""

_DOLIBARR = """{
  "kinds": {
    "contact": {
      "list": "/contacts?sortfield=t.rowid&sortorder=ASC",
      "id": "/id",
      "modified": "/date_modification",
      "paging": {"style": "page", "param": "page", "first": 0, "size_param": "limit", "size": 100},
      "since": {"param": "sqlfilters=(t.tms:>=:'{since}')", "format": "sql"},
      "item": "/contacts/{id}",
      "empty_404": true,
      "create": "POST /contacts",
      "update": "PUT /contacts/{id}",
      "key": "/array_options/options_scrm_id",
      "search": "sqlfilters=(te.scrm_id:=:'{key}')"
    }
  }
}"""

EXAMPLES: Mapping[str, str] = {"Django-CRM": _DJANGO_CRM, "Dolibarr": _DOLIBARR}
