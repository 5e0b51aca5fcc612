"""Every alert has an entry in docs/alerts.md, under its severity, and none is left over."""

import re

import yaml

from sioweb_project.config import PROJECT_DIR

RULES = PROJECT_DIR / "config" / "deploy" / "prometheus-alerts.yml"
PAGE = PROJECT_DIR / "docs" / "alerts.md"
HEADING = re.compile(r"^(##|###) (\w+)$", re.MULTILINE)


def test_each_alert_says_what_to_do_then() -> None:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    severities = {rule["alert"]: rule["labels"]["severity"] for rule in rules}
    assert severities == described(PAGE.read_text())


def described(page: str) -> dict[str, str]:
    """`{alert: severity}`, from the headings."""
    found, severity = {}, ""
    for level, title in HEADING.findall(page):
        if level == "##":
            severity = title.lower()
        else:
            found[title] = severity
    return found
