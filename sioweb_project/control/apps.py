"""Makes the control room a Django app, and hands its numbers to the list of sites."""

from django.apps import AppConfig


class ControlConfig(AppConfig):
    name = "sioweb_project.control"
    label = "control"
    verbose_name = "Control room"

    def ready(self) -> None:
        # Models can be imported only now.
        from sioweb_project.control.site_status import provide
        from sites.status import set_provider

        set_provider(provide)
