"""What one environment's section of config.yml may hold: names, types, defaults.

After config_file.py and node_options.py, before config.py. docs/configuration.md
says what each option means. May import the schemas of the single mappings.
"""

import difflib
import time
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, Tag, ValidationError, model_validator
from pydantic_core import ErrorDetails

from sioweb_project.admin_config import AdminOptions
from sioweb_project.database_settings import DATABASE_URLS, check_database_url
from sioweb_project.exceptions import ConfigError, refusal, shown
from sioweb_project.io_schema import IoOptions
from sioweb_project.limits_config import Limits, TrustedProxies
from sioweb_project.node_options import NO_MEANING
from sioweb_project.observing_config import LogOptions, MetricsOptions
from sioweb_project.options import (
    MAPPING,
    MAX_INT32,
    VALUE,
    Host,
    MappingOrValue,
    Options,
    Text,
    YesNo,
    bounded,
    conflict,
)
from sioweb_project.redis_config import EMBEDDED, RedisOptions
from sites.networks import ACCEPTED, read_deny_list

SECONDS = "a whole number of seconds, 0 or more (0: for ever)"
PORTS = "a whole number from 0 to 65535"

Seconds = Annotated[int | None, Field(ge=0, le=MAX_INT32, description=SECONDS)]
Identifier = Annotated[int, Field(ge=0, le=31, description="a whole number from 0 to 31")]


def is_denial(text: str) -> str:
    read_deny_list([text])
    return text


def _is_past(epoch_ms: int) -> int:
    if epoch_ms > time.time() * 1000:
        raise ValueError
    return epoch_ms


class FlakeIdOptions(Options):
    """flake-idgen's options; `id` wins over datacenter and worker."""

    id: Annotated[int | None, Field(ge=0, le=1023, description="a whole number from 0 to 1023")] = (
        None
    )
    datacenter: Identifier = 0
    worker: Identifier = 0
    epoch: Annotated[
        int,
        AfterValidator(_is_past),
        Field(ge=0, description="milliseconds since 1970, not in the future"),
    ] = 0
    seqMask: Annotated[int, Field(ge=0, le=4095, description="a whole number from 0 to 4095")] = 0


class ReceiptOptions(Options):
    """Of GET /messages/<id>."""

    enabled: YesNo = True
    max_messages: Annotated[
        int, Field(ge=2, le=MAX_INT32, description="a whole number of messages an hour, 2 or more")
    ] = 50_000


class SectionOptions(Options):
    """One environment."""

    host: Host = ""
    port: Annotated[int, Field(ge=0, le=65535, description=PORTS)] = 1337
    client_ttl: Seconds = None
    device_ttl: Seconds = None
    redis: Annotated[
        Annotated[Literal["embedded"] | None, Tag(VALUE)] | Annotated[RedisOptions, Tag(MAPPING)],
        MappingOrValue,
        Field(description=f"{EMBEDDED}, or a mapping with host, port and so on"),
    ] = None
    flakeid: Annotated[
        FlakeIdOptions, Field(description="a mapping with id, or with datacenter and worker")
    ] = FlakeIdOptions()
    io: Annotated[IoOptions, Field(description="a mapping of Socket.IO's options")] = IoOptions()
    database: Annotated[
        str, AfterValidator(check_database_url), Field(description=DATABASE_URLS)
    ] = ""
    secret_key: Text = ""
    allowed_hosts: Annotated[
        list[Annotated[str, Field(pattern=r"^[^\s/:]+$")]],
        Field(min_length=1, description="a list of host names, * for every one"),
    ] = ["*"]
    send_body_limit: Annotated[
        int, Field(ge=1, le=MAX_INT32, description="a whole number of bytes, 1 or more")
    ] = 1_048_576
    auth_url_deny: Annotated[
        list[Annotated[str, AfterValidator(is_denial)]], Field(description=ACCEPTED)
    ] = []
    admin: Annotated[
        AdminOptions, Field(description="a mapping of options such as https and second_factor")
    ] = AdminOptions()
    limits: Annotated[Limits, Field(description="a mapping of limits")] = Limits()
    trusted_proxies: TrustedProxies = []
    receipts: Annotated[
        ReceiptOptions, Field(description="a mapping with enabled and max_messages")
    ] = ReceiptOptions()
    metrics: Annotated[MetricsOptions, Field(description="a mapping with port, or with token")] = (
        MetricsOptions()
    )
    log: Annotated[LogOptions, Field(description="a mapping with format, level, deliveries")] = (
        LogOptions()
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        ttls = {self.client_ttl, self.device_ttl} - {None}
        if len(ttls) > 1:
            raise conflict(self, "device_ttl", "differs from client_ttl; accepted: one of the two")
        return self


def parse_section(file: Path, environment: str, section: Mapping[str, object]) -> SectionOptions:
    """Check a section without Node's meaningless options. Raises ConfigError at the first fault."""
    try:
        return SectionOptions.model_validate(section)
    except ValidationError as error:
        raise _first_fault(file, environment, error.errors(include_url=False)) from None


def unknown_options(section: Mapping[str, object]) -> list[tuple[str, ...]]:
    """Return the paths of options that nobody knows, whatever else is wrong."""
    try:
        SectionOptions.model_validate(section)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        unknown = [each["loc"] for each in faults if each["type"] == "extra_forbidden"]
        return [(*_locate(loc)[0], str(loc[-1])) for loc in unknown]
    return []


def _first_fault(file: Path, environment: str, faults: Sequence[ErrorDetails]) -> ConfigError:
    fault = faults[0]  # of an option of several types there is one for each, and any will do
    is_unknown = fault["type"] == "extra_forbidden"
    names, model, accepted = _locate(fault["loc"])
    if is_unknown:
        return _unknown_option(file, [environment, *names], str(fault["loc"][-1]), fault, model)
    path = ".".join([environment, *names])
    if fault["type"] == "conflict":
        pair = fault["ctx"]
        path = f"{path}.{pair['option']}"
        return ConfigError(f"{file}: {path} is {shown(path, pair['value'])}, it {pair['reason']}")
    context = fault.get("ctx", {})
    if fault["type"] == "less_than_equal":
        accepted = bounded(accepted, context["le"])
    reason = str(context.get("error", ""))
    return refusal(file, path, fault["input"], f"{accepted} ({reason})" if reason else accepted)


def _locate(loc: Sequence[int | str]) -> tuple[list[str], type[BaseModel], str]:
    """Return the option names on the way, the innermost mapping's model, and what is accepted.

    pydantic's `loc` also holds the kinds of unions; those are no option names.
    """
    names: list[str] = []
    model: type[BaseModel] = SectionOptions
    accepted = "a mapping of options"
    for name in loc:
        if isinstance(name, str) and (field := model.model_fields.get(name)):
            names.append(name)
            accepted = field.description or accepted
            model = _mapping_of(field.annotation) or model
    return names, model, accepted


def _mapping_of(annotation: object) -> type[BaseModel] | None:
    """Return the schema within an annotation such as `bool | Annotated[TlsOptions, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_mapping_of(part) for part in typing.get_args(annotation))
    return next((schema for schema in found if schema), None)


def _unknown_option(
    file: Path, path: list[str], name: str, fault: ErrorDetails, model: type[BaseModel]
) -> ConfigError:
    known = list(model.model_fields)
    hidden = NO_MEANING.get(".".join(path[1:]), frozenset())
    close = difflib.get_close_matches(name, [*known, *hidden], n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    full = ".".join([*path, name])
    return ConfigError(
        f"{file}: {full} is no known option (its value: {shown(full, fault['input'])}){hint};"
        f" accepted: {', '.join(known)}"
    )
