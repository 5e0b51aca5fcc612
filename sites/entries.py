"""One site as sites.yml or the environment describes it, checked before anything is written.

Between `sites.sites_file`, which reads, and `sites.seeding`, which writes. The fields
are checked by those of the Site model, so that the admin and the file accept the same.
"""

import difflib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    create_model,
)
from pydantic import ValidationError as EntryError
from pydantic.alias_generators import to_camel

from sites.entry_values import (
    check_prefix_is_given,
    checked_by,
    empty_is,
    list_keys,
    list_origins,
    number_of,
    read_flag,
)
from sites.limits import LIMIT_NAMES
from sites.models import MAX_REAUTH_SECONDS

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

SHOWN_LENGTH = 80  # of a refused value, so that the message stays one line
KEYS_MESSAGE = (
    "*** is refused. A key or a list of keys is accepted, none empty, "
    "in quotes if it reads as true, null or 1.5."
)
MESSAGES = {
    "missing": "is missing. Each site needs one.",
    "string_type": "{value} is refused. Text is accepted, "
    "in quotes if it reads as true, null or 1.5.",
    "bool_type": "{value} is refused. Only true or false is accepted.",
    "value_error": "{value} is refused. {reason}",
}
REAUTH = f"A whole number of seconds up to {MAX_REAUTH_SECONDS} is accepted; 0 = never."
YAML_WORDS = {None: "null", True: "true", False: "false"}
NAME_MARK = "[key]"  # what pydantic puts last in the path to a name of the mapping
NO_MAPPING = "is no mapping of {names}."

SiteValue = str | bool | int | None
Location = tuple[int | str, ...]  # pydantic's way to the value that is wrong


class SitesFileError(Exception):
    """Wrong sites; the text is one line naming file, path, value and what is accepted.

    Never an API key: those are `***`.
    """


Name = Annotated[str, checked_by("name")]
Flag = Annotated[bool, BeforeValidator(read_flag)]
LIMIT_FIELDS: dict[str, Any] = {
    name: (Annotated[int | None, number_of(name)], None) for name in LIMIT_NAMES
}
LimitsEntry = create_model(
    "LimitsEntry",
    __config__=ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True),
    **LIMIT_FIELDS,
)
LimitsMapping = Annotated[
    Any,
    BeforeValidator(lambda given: LimitsEntry.model_validate({} if given is None else given)),
]


class SiteEntry(BaseModel):
    """The fields of one site, in the names of sites.yml."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
        hide_input_in_errors=True,
    )

    auth_url: Annotated[str, checked_by("auth_url")]
    auth_scheme: Annotated[str, checked_by("auth_scheme"), empty_is("Bearer")] = "Bearer"
    api_keys: Annotated[tuple[str, ...], BeforeValidator(list_keys)] = Field(
        alias="apiKey", repr=False
    )
    user_room_prefix: Annotated[
        str,
        checked_by("user_room_prefix"),
        empty_is(""),
        BeforeValidator(check_prefix_is_given),
    ] = ""
    update_user_url: Annotated[str, checked_by("update_user_url"), empty_is("")] = ""
    public_channel: Annotated[str, checked_by("public_channel"), empty_is("")] = ""
    prefixed_system_events: Flag = False
    reauth_seconds: Annotated[int, number_of("reauth_seconds", REAUTH), empty_is("0")] = 0
    is_enabled: Flag = Field(default=True, alias="enabled")
    allowed_origins: Annotated[
        str, checked_by("allowed_origins"), BeforeValidator(list_origins)
    ] = ""
    limits: LimitsMapping = LimitsEntry()

    def site_fields(self) -> dict[str, SiteValue]:
        """Return all fields but the keys, in the names of the Site model."""
        return _flat(self.model_dump(exclude={"api_keys"}))

    def given_fields(self) -> dict[str, SiteValue]:
        """Return the fields that were written down, without those left to their default."""
        return _flat(self.model_dump(exclude={"api_keys"}, exclude_unset=True))


FIELD_NAMES = tuple(field.alias or name for name, field in SiteEntry.model_fields.items())
_ENTRIES = TypeAdapter(dict[Name, SiteEntry])


def check_entries(
    data: object, origin: str, name_path: Callable[[Location], str] | None = None
) -> dict[str, SiteEntry]:
    """Check `{name: {authUrl: ..., apiKey: ...}}` from `origin`, a file or the like.

    Raises SitesFileError, whose path is `newsite.authUrl` or what `name_path` makes of it.
    """
    try:
        return _ENTRIES.validate_python(data)
    except EntryError as error:
        first = _most_telling(error.errors(include_url=False))
        path = (name_path or _dotted)(first["loc"])
        raise SitesFileError(": ".join(filter(None, (origin, path, explain(first))))) from None


def field_name(attribute: str) -> str:
    """Return the name in sites.yml of a field of Site.

    >>> field_name("auth_url"), field_name("is_enabled")
    ('authUrl', 'enabled')
    """
    if attribute in LIMIT_NAMES:
        return f"limits.{attribute}"
    return SiteEntry.model_fields[attribute].alias or attribute


def explain(error: "ErrorDetails") -> str:
    """Say what is wrong and what is accepted, with the value where it cannot be a key."""
    location, kind = error["loc"], error["type"]
    if len(location) < 2:
        names = "fields such as authUrl and apiKey" if location else "site names to their fields"
        return NO_MAPPING.format(names=names)
    if kind == "extra_forbidden":  # its value may be a key under a misspelt name
        known = FIELD_NAMES if len(location) == 2 else LIMIT_NAMES
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        meant = f"; did you mean {close[0]}?" if close else "."
        return f"is unknown{meant} Known are {', '.join(known)}."
    if kind == "model_type":
        return NO_MAPPING.format(names="limits to numbers")
    if location[1] == "apiKey" and kind != "missing":
        return KEYS_MESSAGE
    reason = str(error.get("ctx", {}).get("error", ""))
    if kind not in MESSAGES:
        return error["msg"]
    return MESSAGES[kind].format(value=show_value(error["input"]), reason=reason)


def show_value(value: object) -> str:
    """Show a value on one line as YAML has it, without the password of an address.

    >>> show_value("http://user:secret@newsite.com"), show_value(True)
    ("'http://***@newsite.com'", 'true')
    """
    if value is None or isinstance(value, bool):
        return YAML_WORDS[value]
    if isinstance(value, (dict, list)):  # a key may stand in it
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(re.sub(r"//[^/]*@", "//***@", str(value)))
    return text if len(text) <= SHOWN_LENGTH else text[: SHOWN_LENGTH - 1] + "…"


def _most_telling(errors: list["ErrorDetails"]) -> "ErrorDetails":
    """A misspelt name is the cause of the field that is missing."""
    return next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])


def _flat(fields: dict[str, Any]) -> dict[str, SiteValue]:
    limits: dict[str, SiteValue] = fields.pop("limits", {})
    return fields | limits


def _dotted(location: Location) -> str:
    """Turn `("newsite", "authUrl")` into `newsite.authUrl`; a bad name is no path."""
    if location[-1:] == (NAME_MARK,):
        return "name of a site"
    return ".".join(_one_line(part) for part in location)


def _one_line(part: object) -> str:
    return str(part) if str(part).isprintable() else repr(part)
