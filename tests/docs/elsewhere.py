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
    "make sizing": "tests/bench/test_sizing.py",
    "make release-check": "tests/release/test_checks.py",
    "cp -r sioweb_project/clients/python/sioweb_client": "tests/e2e/test_python_sender.py",
    "umask 077": "tests/e2e/test_postgresql.py",
    "export SIOWEB_DATABASE_URL=postgres://user:password@host:5432/name": (
        "tests/e2e/test_postgresql.py"
    ),
    ".venv/bin/python manage.py dumpdata": "tests/e2e/test_postgresql.py",
    ".venv/bin/python manage.py migrate": "tests/e2e/test_postgresql.py",
    ".venv/bin/python manage.py loaddata": "tests/e2e/test_postgresql.py",
    ".venv/bin/python manage.py doctor": "tests/e2e/test_doctor.py",
    ".venv/bin/python manage.py serve": "tests/e2e/service.py",
}

# Pages of which something else runs all commands, line by line.
PAGES = {
    "docs/production.md": "tests/production/guide.py",
    "docs/deploying.md": "make deploy-test",
    "docs/moving-from-node.md": "tests/e2e/test_moving_from_node.py",
    "docs/backup.md": "tests/e2e/test_backup.py",
    "docs/security.md": "make attacks",
}
