"""A path that leads nowhere: programs are told in JSON, people in the admin by a page."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.sioweb_project.control_fixtures import login

NOT_FOUND = {
    "ok": False,
    "error": {"code": "not_found", "message": "There is no such page."},
}


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
@pytest.mark.parametrize(
    "path", ["/sned", "/send/batches/", "/static/nothing.js", "/administrator"]
)
def test_outside_of_the_admin_the_answer_is_json(client: Client, method: str, path: str) -> None:
    response = getattr(client, method)(path)
    assert response.status_code == 404
    assert response["Content-Type"] == "application/json"
    assert response.json() == NOT_FOUND


@pytest.mark.django_db
def test_below_the_admin_the_answer_is_a_page(admin_user: User) -> None:
    response = login(admin_user).get("/admin/nothing/")
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")
    assert "Not Found" in response.content.decode()
