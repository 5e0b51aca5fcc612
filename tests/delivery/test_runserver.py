"""`manage.py runserver`, which whoever knows Django tries first."""

import pytest
from django.core.management import CommandError, call_command


@pytest.mark.parametrize("arguments", [(), ("127.0.0.1:0",)])
def test_runserver_leads_to_serve(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="make serve"):
        call_command("runserver", *arguments)
