"""Backups: `running.py` makes one, `restoring.py` brings one back.

    segments/<ab>/<digest>   rows of a range of one table, a part of a file, or a list of files: gzip, encrypted; named by a keyed digest of
                             what it holds
    manifests/<time>         what belongs to one run: tables, ranges, digests, lists of files, migrations; encrypted, written last
    beside/<name>            what outlives every backup and is newer than any: the erasure ledger

What has not changed has the same digest and is not sent again. A run that dies leaves segments and no manifest: no backup, and the next
run finds its segments there. Every place (folder, object storage, database) holds the same names and bytes; see `places.py`.
"""
