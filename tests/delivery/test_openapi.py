"""docs/openapi.yaml beside the URLs and docs/http.md: none of the three falls behind."""

import re

import yaml
from django.urls import resolve

from delivery.openapi import FILE
from delivery.urls import urlpatterns
from sioweb_project.asgi import DIRECT_PATHS

ROW = re.compile(r"\| [0-9]{3} ")
CODE = re.compile(r"`([a-z0-9_]+)`")

content = yaml.safe_load(FILE.read_text())


def test_every_path_is_direct_and_in_the_file() -> None:
    paths = [re.sub(r"\{\w+\}", "7", path) for path in content["paths"]]
    names = {resolve(path, "delivery.urls").url_name for path in paths}
    assert names == {pattern.name for pattern in urlpatterns}
    assert all(DIRECT_PATHS.fullmatch(path) for path in paths)


def test_the_file_and_the_documentation_tell_of_the_same_errors() -> None:
    text = FILE.with_name("http.md").read_text()
    table = text.partition("## Errors")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if ROW.match(line)]
    told = {code for row in rows for code in CODE.findall(row.split("|")[2])}
    assert told == set(content["components"]["schemas"]["ErrorCode"]["enum"])
