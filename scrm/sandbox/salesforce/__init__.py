"""A stand-in for a Salesforce org, written from the vendor's manual (REST API): log-in, queries, records, descriptions, custom fields.

`api.py` and what it uses know neither Django nor the product: a store in memory serves tests of the connector, one in the sandbox's
database (the tables of the sandbox CRM) serves the sandbox. It can misbehave on request, see `knobs.py`.
"""
