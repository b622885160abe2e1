"""Adapters to outside services: plain Python, no Django, no database.

`contracts` is the border that the product programs against, `errors` says what went wrong in words that decide what
happens next, `registry` lists the adapters. An adapter never imports another adapter.
"""
