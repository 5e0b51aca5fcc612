"""Certificates that openssl makes for a test: of a server, or of an authority that vouches for
others."""

import ipaddress
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """Files in PEM."""

    file: Path
    key: Path


def make_certificate(folder: Path, host: str, by: Certificate | None = None) -> Certificate:
    """For a host name or an address, in files of its name, valid for two days. The authority `by`
    vouches for it; without one it vouches for itself, and may do so for others."""
    made = Certificate(folder / f"{host}.crt", folder / f"{host}.key")
    make = ["openssl", "req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"]
    make += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", f"/CN={host}"]
    make += ["-addext", f"subjectAltName={_kind(host)}:{host}"]
    if by is not None:
        make += ["-CA", str(by.file), "-CAkey", str(by.key)]
        make += ["-addext", "basicConstraints=critical,CA:FALSE"]
    make += ["-keyout", str(made.key), "-out", str(made.file)]
    subprocess.run(make, check=True, capture_output=True)
    return made


def trusting(file: Path | str) -> ssl.SSLContext:
    """For clients that go by address to a server whose certificate this file vouches for."""
    context = ssl.create_default_context(cafile=file)
    context.check_hostname = False
    return context


def _kind(host: str) -> str:
    """
    >>> _kind("127.0.0.1"), _kind("push.example.org")
    ('IP', 'DNS')
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "DNS"
    return "IP"
