"""Commands of the documentation that `tests/e2e/test_docs_commands.py` does not run, and what does.

Too long for a suite, for a machine of its own, or without an end. A file, or a make target that
people run; each has to be there.
"""

# What a command begins with: what runs it otherwise.
COMMANDS = {
    "make serve": "tests/browser/conftest.py",
    "make test": ".ci/run",
    "make faults": "make faults",
    "make bench": "tests/bench/test_bench.py",
    "make bench-compare": "make bench-compare",
    "fab production": "tests/deploy/test_rollout.py",
    "make sizing": "tests/bench/test_sizing.py",
    "make release-check": "tests/release/test_checks.py",
    ".venv/bin/python manage.py serve": "tests/e2e/service.py",
}

# Pages of which something else runs all commands, line by line.
PAGES: dict[str, str] = {}
