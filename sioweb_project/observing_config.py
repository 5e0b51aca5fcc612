"""`metrics` and `log` in config.yml: who may see how the service is doing, and its log's form.

May import options.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from sioweb_project.options import Host, Options, Text, YesNo

MIN_TOKEN_CHARACTERS = 16  # it may stand in the open, and nothing slows down who guesses
LOOPBACK = "127.0.0.1"

Format = Literal["json", "text"]
Level = Literal["debug", "info", "warning", "error"]


class MetricsOptions(Options):
    port: Annotated[
        int | None, Field(ge=0, le=65535, description="a whole number from 0 to 65535")
    ] = None
    host: Host = LOOPBACK
    token: Annotated[
        Text,
        Field(
            pattern=rf"^[!-~]{{{MIN_TOKEN_CHARACTERS},}}$",
            description=f"{MIN_TOKEN_CHARACTERS} characters or more, no spaces",
        ),
    ] = ""


class LogOptions(Options):
    format: Annotated[Format | None, Field(description="json or text")] = None
    level: Annotated[Level, Field(description="debug, info, warning or error")] = "info"
    deliveries: YesNo = False


@dataclass(frozen=True)
class MetricsConfig:
    """Without port and token nobody sees them."""

    port: int | None = None  # 0 = one that is free
    host: str = LOOPBACK
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class LogConfig:
    format: Format = "json"
    level: Level = "info"
    deliveries: bool = False  # a line for each copy that is written to a socket, and each ack


def metrics_config(options: MetricsOptions) -> MetricsConfig:
    return MetricsConfig(options.port, options.host, options.token)


def log_config(options: LogOptions, default: Format) -> LogConfig:
    return LogConfig(options.format or default, options.level, options.deliveries)
