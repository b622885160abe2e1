"""A stand-in for Zoho CRM v8, written from the vendor's manual and specification: log-in, records, COQL, fields, tags, notices.

`api.py` and what it uses know neither Django nor the product: a store in memory serves tests of the connector, one in the sandbox's
database (the tables of the sandbox CRM) serves the sandbox. It can misbehave on request, see `knobs.py`.
"""
