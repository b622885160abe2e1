"""Compare both sides of the sync and say how far they agree."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connectors.errors import ConnectorError
from scrm.connections.models import Connection
from scrm.sync import verification
from scrm.sync.kinds import Kind
from scrm.sync.models import Verification, VerifiedRecord


class Command(BaseCommand):
    help = (
        "Fetches records of both sides and compares them field by field: a random sample, or with --full all of them. "
        "Ends with 1 when something differs or is missing, with 2 when a CRM could not be asked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--connection", default="", metavar="SLUG", help="only this CRM connection")
        parser.add_argument("--kind", default="", choices=["", *Kind.values], help="only this kind of object")
        parser.add_argument("--sample", type=int, default=verification.SAMPLE, metavar="N", help="records a kind (default: 100)")
        parser.add_argument("--seed", type=int, default=None, help="draw the same records again")
        parser.add_argument("--full", action="store_true", help="compare all records, and look for records that are unknown here")
        parser.add_argument("--repair", action="store_true", help="have what differs put right by the usual rules")
        parser.add_argument("--format", default="text", choices=["text", "json"])

    def handle(self, *args: Any, **options: Any) -> None:
        if options["sample"] < 1:
            raise CommandError("--sample is a number of records, 1 or more")
        runs, failed = [], []
        for crm in self._crms(options["connection"]):
            for kind in [options["kind"]] if options["kind"] else verification.kinds_of(crm):
                try:
                    run = verification.verify(
                        crm,
                        kind,
                        sample=None if options["full"] else options["sample"],
                        repair=options["repair"],
                        seed=options["seed"],
                    )
                except ConnectorError as error:
                    failed.append({"connection": crm.slug, "kind": kind, "error": str(error)})
                    continue
                if run is None:
                    failed.append({"connection": crm.slug, "kind": kind, "error": "the connection cannot be called"})
                else:
                    runs.append(_as_row(run))
        self.stdout.write(json.dumps({"comparisons": runs, "failed": failed}) if options["format"] == "json" else _as_text(runs, failed))
        if failed:
            sys.exit(2)
        if any(run["drifted"] or run["missing"] for run in runs):
            sys.exit(1)

    @staticmethod
    def _crms(slug: str) -> list[Connection]:
        crms = Connection.objects.filter(kind=Connection.Kind.CRM)
        if slug and not crms.filter(slug=slug).exists():
            there = ", ".join(crms.values_list("slug", flat=True)) or "none"
            raise CommandError(f"There is no CRM connection {slug!r}; there are: {there}")
        return list(crms.filter(slug=slug) if slug else crms)


def _as_row(run: Verification) -> dict[str, Any]:
    wrong = run.records.filter(state__in=[VerifiedRecord.State.DRIFTED, VerifiedRecord.State.MISSING]).order_by("pk")[:100]
    return {
        "connection": run.connection.slug,
        "kind": run.kind,
        "scope": run.scope,
        "at": run.at.isoformat(),
        **{name: getattr(run, name) for name in ("checked", "agreed", "drifted", "missing", "pending", "unknown", "repaired")},
        "accuracy": run.accuracy,
        "lower": round(run.lower, 4),
        "upper": round(run.upper, 4),
        "seconds": round(run.seconds, 2),
        "differences": [{"key": row.key, "external_id": row.external_id, "state": row.state, "fields": row.differences} for row in wrong],
    }


def _as_text(runs: list[dict[str, Any]], failed: list[dict[str, Any]]) -> str:
    lines = []
    for run in runs:
        share = "nothing to compare" if run["accuracy"] is None else f"{run['accuracy']:.2%} in step"
        lines.append(
            f"{run['connection']} {run['kind']} ({run['scope']}): {run['checked']} compared, {share} "
            f"(95 %: {run['lower']:.2%} to {run['upper']:.2%}), {run['drifted']} differ, {run['missing']} missing there, "
            f"{run['unknown']} unknown here, {run['pending']} on their way, {run['repaired']} to be put right"
        )
        for each in run["differences"]:
            what = "; ".join(f"{field['field']}: {field['ours']!r} / {field['theirs']!r}" for field in each["fields"]) or each["state"]
            lines.append(f"  {each['key']} = {each['external_id']}: {what}")
    lines += [f"{each['connection']} {each['kind']}: {each['error']}" for each in failed]
    return "\n".join(lines) or "There is nothing to compare yet."
