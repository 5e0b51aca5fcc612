"""How a mapping of config.yml is checked: the base of every schema, and shared types.

Field names are the file's own spelling, which is that of the Node libraries. Each
field's description is what an error says is accepted. Imports nothing of the project.
"""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, model_validator
from pydantic_core import PydanticCustomError

MAX_INT32 = 2**31 - 1  # 68 years of seconds, 24 days of milliseconds; Node's own limit
# Tags of what an option is when it may be a mapping or one value.
MAPPING, VALUE = "<mapping>", "<value>"


class Options(BaseModel):
    """A mapping of options; an unknown name is an error, an empty value means the default."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, options: object) -> object:
        if not isinstance(options, dict):
            return options
        known = cls.model_fields
        return {k: v for k, v in options.items() if v is not None or k not in known}


def mapping_or_value(option: object) -> str:
    return MAPPING if isinstance(option, dict) else VALUE


MappingOrValue = Discriminator(mapping_or_value)


def conflict(options: Options, name: str, reason: str) -> PydanticCustomError:
    """An error of two options together, reported at `name`; to be raised by a validator."""
    value = getattr(options, name)
    return PydanticCustomError(
        "conflict", "conflict", {"option": name, "value": value, "reason": reason}
    )


def _number_as_text(value: object) -> object:
    """`auth_pass: 12345` is the password "12345"."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def bounded(accepted: str, highest: object) -> str:
    """Say what is the most, unless the text does.

    >>> bounded("a whole number, 0 or more", 9), bounded("a whole number from 0 to 9", 9)
    ('a whole number, 0 or more, at most 9', 'a whole number from 0 to 9')
    """
    return accepted if str(highest) in accepted else f"{accepted}, at most {highest}"


Text = Annotated[
    str,
    BeforeValidator(_number_as_text),
    Field(description="text, in quotes if it looks like a number"),
]
YesNo = Annotated[bool, Field(description="true or false")]
Host = Annotated[str, Field(pattern=r"^[^\s/@?#]+$", description="a host name or an IP address")]
