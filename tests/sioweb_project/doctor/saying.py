"""What a finding says, for tests: its level, and words that its text and its mend must hold."""

from collections.abc import Iterable

from sioweb_project.doctor.findings import Finding, Level


def only(findings: Iterable[Finding], subject: str) -> Finding:
    [found] = [finding for finding in findings if finding.subject == subject]
    return found


def says(finding: Finding, level: Level, text: str, mend: str) -> None:
    """One finding, one line each for what is and what to do."""
    assert finding.level is level, finding
    assert text in finding.text
    assert mend in finding.mend
    assert "\n" not in finding.text + finding.mend


def is_well(findings: Iterable[Finding]) -> None:
    assert [finding for finding in findings if finding.level is not Level.OK] == []
