"""The findings as text, one line each with the mend below it, or as JSON."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from sioweb_project.doctor.findings import Finding, Level


def as_text(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        yield f"{finding.level:<5}{finding.subject}: {finding.text}"
        if finding.mend:
            yield f"     -> {finding.mend}"
    counts = Counter(finding.level for finding in findings)
    yield ", ".join(f"{counts[level]} {level}" for level in Level)


def as_json(findings: Sequence[Finding]) -> str:
    entries = [asdict(finding) for finding in findings]
    return json.dumps({"ok": is_well(findings), "findings": entries}, indent=2)


def is_well(findings: Sequence[Finding]) -> bool:
    return all(finding.level is not Level.FAIL for finding in findings)
