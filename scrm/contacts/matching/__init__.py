"""Which contacts are one person: names in one form, stored keys, evidence in log odds, clusters, cases, published rules.

Pure (no Django): `characters`, `spelling`, `given_names`, `names`, `name_levels`, `profile`, `keys`, `evidence`, `blocks`, `rules`,
`clusters`, `regression`. With the database: `store` (keys kept current), `comparing` and `finding` (one contact), `sweep` (all of
them), `casework` and `cases` (what people decide), `learning`, `publishing`.
"""
