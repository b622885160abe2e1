"""Everything about a person, found for them (export) or removed for good (erasure).

Each app says in its `privacy.py` what it keeps of a person: see `registry`. `erasure` and `export` know no app.
"""
