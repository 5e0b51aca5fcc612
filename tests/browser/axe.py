"""axe-core in the browser: labels, roles and contrast of a page, by the rules of WCAG 2.1 AA."""

import os
from functools import cache
from pathlib import Path

from playwright.sync_api import Page

from tests.needs import missing

FOLDER = Path(__file__).parents[1] / "e2e"
SCRIPT = Path(os.environ.get("AXE_SCRIPT", FOLDER / "node_modules" / "axe-core" / "axe.min.js"))
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
# Of the rules that all is well with, it need not tell every element.
OPTIONS = {"runOnly": RULES, "resultTypes": ["violations"]}


@cache
def script() -> str:
    """Skip the test where axe-core is missing; in CI that is a failure."""
    if not SCRIPT.is_file():
        missing("axe-core: `npm ci` in tests/e2e")
    return SCRIPT.read_text()


def violations(page: Page) -> list[str]:
    """What is wrong, one line for each element: `["color-contrast: <a ...> ..."]`."""
    page.evaluate(script())
    result = page.evaluate("options => axe.run(document, options)", OPTIONS)
    assert result["passes"], "axe has looked at nothing"
    return [
        f"{rule['id']}: {node['html'][:150]} {node['failureSummary']}"
        for rule in result["violations"]
        for node in rule["nodes"]
    ]
