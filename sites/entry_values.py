"""How each value of an entry of sites.yml is checked, and becomes what the Site model has.

Below `entries`, whose fields name these. What is refused is a ValueError, whose text `entries`
makes a line of.
"""

from typing import TYPE_CHECKING, cast

from django.core.exceptions import ValidationError
from pydantic import AfterValidator, BeforeValidator

from sites.models import Site
from sites.validators import ORIGINS_MESSAGE

if TYPE_CHECKING:
    from django.db import models


FLAGS = {"yes": True, "on": True, "no": False, "off": False}  # as YAML 1.1 has it, in any case
NO_ORIGINS = "Leave it out for every page."


def checked_by(field_name: str) -> AfterValidator:
    """Check with the field of the Site model that the value is for."""
    field = cast("models.Field[str, str]", Site._meta.get_field(field_name))

    def check(value: str) -> str:
        try:
            return str(field.clean(value, None))
        except ValidationError as error:
            raise ValueError(" ".join(error.messages)) from error

    return AfterValidator(check)


def empty_is(default: str) -> BeforeValidator:
    """A field left empty (`publicChannel:` and nothing else) means its default."""
    return BeforeValidator(lambda value: default if value is None else value)


def read_flag(value: object) -> object:
    return FLAGS.get(value.lower(), value) if isinstance(value, str) else value


def check_prefix_is_given(value: object) -> object:
    if value == "":
        raise ValueError("Leave it out for a site without user rooms.")
    return value


def list_keys(value: object) -> tuple[str, ...]:
    keys = value if isinstance(value, list) else [value]
    if not keys or not all(isinstance(key, str) and key for key in keys):
        raise ValueError
    return tuple(keys)


def list_origins(value: object) -> object:
    """One origin or a list, as the text that is stored. Left empty it is every page; who writes
    that there are none does not mean all."""
    if value is None:
        return ""
    if value in ("", []):
        raise ValueError(NO_ORIGINS)
    origins = value if isinstance(value, list) else [value]
    texts = [origin for origin in origins if isinstance(origin, str) and origin]
    if len(texts) < len(origins):
        raise ValueError(ORIGINS_MESSAGE)
    return "\n".join(texts)


def number_of(name: str, accepted: str = "") -> BeforeValidator:
    """Check with the field of the Site model; `accepted` in place of what that says.

    YAML's whole numbers come as text: see `sites.sites_file`. Written out, a true or 1.5 is
    none, where the field would cut it to a 1.
    """
    field = cast("models.Field[int, int]", Site._meta.get_field(name))

    def check(value: object) -> object:
        try:
            return field.clean(None if value is None else str(value), None)
        except ValidationError as error:
            raise ValueError(accepted or " ".join(error.messages)) from error

    return BeforeValidator(check)
