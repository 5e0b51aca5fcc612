"""The control room under test: its real views and rules, a service that writes down."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from delivery.inspection import DeviceState, Progress, Requested, RoomState, WaitingHead
from delivery.queue_values import Device
from delivery.receipt_values import DeviceReceipt, Noted, Receipt
from delivery.sendings import Outcome
from delivery.statistics import Figures
from sites.models import Site
from sites.snapshots import SiteSnapshot

HEAD = WaitingHead(seq=4, id="77", event="update", stored_at_ms=900, resync=True, bytes=20)
PHONE = DeviceState("phone", True, 2_000, 1, 20, "", (HEAD,))
NO_FIGURES = Figures(1_800_000_000, (), 0, 0, None, (), ())
RECEIPT = Receipt(
    Noted("77", 900, "update", (), 0, 0), {"user_1": (DeviceReceipt("phone", "acked", 910, 920),)}
)


@dataclass
class FakeService:
    """Stands for every part that the control room asks; `done` is what it was told to do."""

    done: list[tuple[Any, ...]] = field(default_factory=list)
    text: str | None = '["update",{"secret":1}]'
    is_disabled: bool = False
    is_on: bool = True  # receipts
    prefix: str = "user_"
    waiting: int = 3  # messages of a queue that is cleared

    @property
    def parts(self) -> SimpleNamespace:
        return SimpleNamespace(
            registry=self,
            inspection=self,
            backplane=self,
            queues=self,
            publisher=self,
            live=self,
            receipts=self,
        )

    def get(self, name: str) -> SiteSnapshot | None:
        snapshot = SiteSnapshot(name, "http://newsite.com/rooms", user_room_prefix=self.prefix)
        return None if self.is_disabled else snapshot

    async def look(self, site: str, room: str) -> RoomState:
        return RoomState(1_000, "epoch", 4, (PHONE,))

    async def read_text(self, device: Device, seq: int) -> str | None:
        return self.text

    async def follow(self, site: str, room: str, message_id: str) -> list[Progress]:
        return [
            Progress("a", is_online=True, is_waiting=True),
            Progress("b", is_online=False, is_waiting=True),
            Progress("c", is_online=True, is_waiting=False),
        ]

    async def request_resync(self, device: Device) -> Requested:
        return Requested(True, "epoch", 4)

    async def announce_resync(self, device: Device, reason: str, epoch: str, seq: int) -> None:
        self.done.append(("resync", device, reason, epoch, seq))

    async def announce_disconnects(
        self, site: str, targets: Sequence[tuple[str, str | None]]
    ) -> None:
        self.done.extend(("disconnect", site, *target) for target in targets)

    async def clear(self, device: Device) -> int:
        self.done.append(("clear", device))
        return self.waiting

    async def publish(self, site: SiteSnapshot, message: Any, resync: bool) -> Outcome:
        self.done.append(("publish", site.name, message.rooms, message.text))
        return Outcome("7530791394961522691", 1, 1)

    async def recent(self, site: str, room: str) -> list[Receipt]:
        return [RECEIPT]

    async def find(self, site: str, message_id: str) -> Receipt | None:
        return RECEIPT if message_id == "77" else None

    async def watch(self, site: str, user: str) -> AsyncGenerator[Figures | None, None]:
        self.done.append(("watch", site))
        yield None


@pytest.fixture
def control(db: None, monkeypatch: pytest.MonkeyPatch) -> FakeService:
    fake = FakeService()
    for module in ("deliveries", "inspector", "sender", "stream"):
        monkeypatch.setattr(f"sioweb_project.control.{module}.service", lambda: fake.parts)
    return fake


@pytest.fixture
def site(db: None) -> Site:
    return Site.objects.create(name="newsite", auth_url="http://newsite.com/rooms")


@pytest.fixture
def other_site(db: None) -> Site:
    return Site.objects.create(name="othersite", auth_url="http://othersite.com/rooms")


def make_user(*permissions: str, owns: Site | None = None, name: str = "owner") -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    if owns is not None:
        owns.owners.add(user)
    return user


def login(user: User, *, checks_csrf: bool = False) -> Client:
    client = Client(enforce_csrf_checks=checks_csrf)
    client.force_login(user)
    return client


@pytest.fixture
def admin_user(db: None) -> User:
    return User.objects.create_superuser("boss")
