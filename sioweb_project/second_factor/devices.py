"""The authenticators of people: one each, which shows a new code every 30 seconds (TOTP).

For the gate and the page. A device counts once a first code has confirmed it.
"""

from base64 import b32encode

import qrcode
from django.db import transaction
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django_otp import login as note_verified
from django_otp.plugins.otp_totp.models import TOTPDevice
from qrcode.image.svg import SvgPathImage

from sites.access import User

NAME = "authenticator"


def has_device(user: User) -> bool:
    return bool(TOTPDevice.objects.filter(user_id=user.pk, confirmed=True).exists())


def remove_devices(user: User) -> int:
    """Return how many there were, without those that were never confirmed."""
    devices = TOTPDevice.objects.filter(user_id=user.pk)
    count = int(devices.filter(confirmed=True).count())
    devices.delete()
    return count


def new_device(user: User) -> TOTPDevice:
    """Return one to confirm. What an earlier page has shown may have been seen by others."""
    with transaction.atomic():
        TOTPDevice.objects.filter(user_id=user.pk, confirmed=False).delete()
        return TOTPDevice.objects.create(user_id=user.pk, name=NAME, confirmed=False)


def unconfirmed_device(user: User) -> TOTPDevice | None:
    return TOTPDevice.objects.filter(user_id=user.pk, confirmed=False).first()


def verify(request: HttpRequest, code: str, *, confirmed: bool = True) -> bool:
    """Take a code of the user's device, once; the first one confirms a new device.

    After each wrong code the device takes none for twice as long as before.
    """
    with transaction.atomic():
        devices = TOTPDevice.objects.select_for_update()
        device = devices.filter(user_id=request.user.pk, confirmed=confirmed).first()
        if device is None or not device.verify_token(code):
            return False
        device.confirmed = True
        device.save()
    note_verified(request, device)
    return True


def secret_text(device: TOTPDevice) -> str:
    """The secret as people type it into an authenticator: groups of four letters and digits."""
    text = b32encode(device.bin_key).decode().rstrip("=")
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def qr_code(device: TOTPDevice) -> SafeString:
    """An SVG element made of one path, in which no text stands."""
    image = qrcode.make(device.config_url, image_factory=SvgPathImage, box_size=8)
    return SafeString(image.to_string(encoding="unicode"))
