"""config.yml, the data folder, the secret key: what `manage.py check --deploy` says of them."""

from django.conf import settings
from django.core import checks

from sioweb_project.doctor.findings import Finding, fail, ok, warn

READ_ON = "See .venv/bin/python manage.py check --deploy."


def examine() -> list[Finding]:
    messages = checks.run_checks(
        include_deployment_checks=not settings.CONFIG.is_development, databases=None
    )
    found = [_finding(message) for message in messages if not message.is_silenced()]
    return found or [ok("configuration", f"section {settings.CONFIG.environment} is well")]


def _finding(message: checks.CheckMessage) -> Finding:
    kind = fail if message.level >= checks.ERROR else warn
    return kind("configuration", f"{message.msg} ({message.id})", message.hint or READ_ON)
