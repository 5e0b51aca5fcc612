"""The documentation as a site, built as `make docs` does."""

import os
import subprocess
import sys
from pathlib import Path

from sioweb_project.config import PROJECT_DIR

BUILD = [sys.executable, "-m", "mkdocs", "build", "--strict"]
BUILD_SECONDS = 60


def build(folder: Path) -> Path:
    """Build it there; what it warns of is a fault."""
    run = subprocess.run(
        [*BUILD, "--config-file", "docs/site/mkdocs.yml", "--site-dir", str(folder)],
        cwd=PROJECT_DIR,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
    )
    assert run.returncode == 0, run.stderr  # with --quiet it would not count its warnings
    return folder
