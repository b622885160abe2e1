"""Which contacts are one person: names in one form, stored keys, evidence in log odds, clusters, cases, published rules.

Pure (no Django): `characters`, `spelling`, `given_names`, `names`, `name_levels`, `profile`, `keys`, `evidence`, `judging`, `rarity`,
`blocks`, `collective`, `rules`, `clusters`, `regression`, `batch` (a list in memory). With the database: `store` (keys kept current),
`comparing` and `finding` (one contact), `sweep` (all of them), `casework` and `cases` (what people decide), `learning`, `publishing`.
"""

from scrm.core import compiled

# Where nearly all of the time goes; `manage.py compile_matching` makes machine code of them.
_PARTS = "batch blocks clusters collective evidence given_names judging keys name_levels names profile rarity spelling"
PARTS = tuple(_PARTS.split())
COMPILED = compiled.prefer(__path__, __name__, PARTS)
