"""Makes the composition root a Django app, so that its system checks run."""

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.utils.module_loading import import_string

from sioweb_project import checks


class SiowebProjectConfig(AppConfig):
    name = "sioweb_project"

    def ready(self) -> None:
        import_string("sioweb_project.logins.connect")()  # by name: it imports models
        for check in checks.ALWAYS:
            register(check, Tags.security)
        for check in checks.FOR_DEPLOYMENT:
            register(check, Tags.security, deploy=True)
