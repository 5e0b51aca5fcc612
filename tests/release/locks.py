"""Whether the locks hold what is asked for, as far as that can be told without a network."""

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.release.project import Project

PINNED = re.compile(r"^(?P<name>[\w.-]+)(?:\[[\w,-]+\])?==(?P<version>[^ ;\\]+)", re.MULTILINE)


def check_locks(project: Project) -> Iterator[str]:
    for name in project.files:
        path = PurePosixPath(name)
        if path.match("requirements/*.in"):
            yield from _check_python(project, name)
        if path.name == "package.json":
            yield from _check_node(project, str(path.parent))


def _check_python(project: Project, name: str) -> Iterator[str]:
    lock = name.removesuffix(".in") + ".txt"
    text = project.read(lock)
    pinned = {canonicalize_name(pin["name"]): pin["version"] for pin in PINNED.finditer(text)}
    for requirement in _requirements(project, name):
        version = pinned.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version):
            yield f"{lock} has {requirement.name} {version}, {name} asks for {requirement}"
    for pin in re.split(r"\n(?=\S)", text):
        if PINNED.match(pin) and "--hash=sha256:" not in pin:
            yield f"{lock}: {pin.split()[0]} has no hash"


def _requirements(project: Project, name: str) -> Iterator[Requirement]:
    """Those of files that it names, too."""
    for line in project.read(name).splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            yield from _requirements(project, f"requirements/{text[3:]}")
        elif text:
            yield Requirement(text)


def _check_node(project: Project, folder: str) -> Iterator[str]:
    wanted = json.loads(project.read(f"{folder}/package.json"))
    packages = json.loads(project.read(f"{folder}/package-lock.json"))["packages"]
    for kind in ("dependencies", "devDependencies"):
        if packages[""].get(kind, {}) != wanted.get(kind, {}):
            yield f"{folder}/package-lock.json: not those of package.json"
    for name, package in packages.items():
        if name and not package.get("integrity"):
            yield f"{folder}/package-lock.json: {name} has no hash"
        if "resolved" in package:  # whoever installs has a registry of their own
            yield f"{folder}/package-lock.json: {name} names a host"
