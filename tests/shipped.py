"""Files of `config/deploy/`, changed only where administrators change them: ports, paths."""

import re
from collections.abc import Mapping
from pathlib import Path

DEPLOY = Path(__file__).parents[1] / "config" / "deploy"


def shipped(name: str, own: Mapping[str, str]) -> str:
    """The text of a file with what is `own` in place of each part, which has to stand there."""
    text = (DEPLOY / name).read_text()
    for part in own:
        assert part in text, f"{part!r} is not in config/deploy/{name}"
    if not own:
        return text
    # The longest first, and none of what has come in: a port may have another one's digits in it.
    parts = sorted(own, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, parts)), lambda match: own[match[0]], text)
