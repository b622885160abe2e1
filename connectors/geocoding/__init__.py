"""Postal codes for written addresses: one contract (`contract`), a service on the net (`google`), and a table on this machine (`japan`).

Limits that all of them keep: a code is only given for an address that leads to exactly one, and none for places that have no codes.
"""
