"""How the admin is guarded: `admin` of config.yml, and what becomes of it.

For config_schema.py and config.py; settings.py hands it to Django. Imports options.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from sioweb_project.options import MAX_INT32, Options, YesNo

YEAR_SECONDS = 31_536_000
SECONDS = "a whole number of seconds, 0 or more"

SecondFactor = Literal["off", "optional", "required"]


class AdminOptions(Options):
    https: YesNo = False
    hsts: Annotated[int | None, Field(ge=0, le=MAX_INT32, description=SECONDS)] = None
    second_factor: Annotated[
        SecondFactor, Field(description="off, optional or required, in quotes or not")
    ] = "off"
    login_failures: Annotated[
        int, Field(ge=1, le=1000, description="a whole number from 1 to 1000")
    ] = 10
    login_pause: Annotated[
        int, Field(ge=1, le=86_400, description="a whole number of seconds from 1 to 86400")
    ] = 900


@dataclass(frozen=True)
class AdminConfig:
    is_https: bool = False  # False = cookies are for TLS where a page came by TLS
    hsts_seconds: int = 0  # 0 = no such header
    second_factor: SecondFactor = "off"
    login_failures: int = 10  # of one name from one address, before that pair has to wait
    login_pause_seconds: int = 900


def admin_config(options: AdminOptions) -> AdminConfig:
    usual_hsts = YEAR_SECONDS if options.https else 0
    return AdminConfig(
        is_https=options.https,
        hsts_seconds=usual_hsts if options.hsts is None else options.hsts,
        second_factor=options.second_factor,
        login_failures=options.login_failures,
        login_pause_seconds=options.login_pause,
    )
