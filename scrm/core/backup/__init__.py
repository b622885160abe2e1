"""Backups: `running.py` makes one, `restoring.py` brings one back.

    segments/<ab>/<digest>   a range of rows of one table, or a part of a file: gzip, encrypted; named by a keyed digest of what it holds
    manifests/<time>         what belongs to one run: tables, ranges, digests, files, applied migrations; encrypted, written last

What has not changed has the same digest and is not sent again. A run that dies leaves segments and no manifest: no backup, and the next
run finds its segments there. Every place (folder, object storage, database) holds the same names and bytes; see `places.py`.
"""
