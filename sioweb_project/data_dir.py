"""The folder of what the service keeps: SQLite, the embedded Redis, the generated secret key.

Nobody but its owner may enter a folder made here, or read a file. May import exceptions.
"""

import errno
import os
import secrets
import tempfile
from pathlib import Path

from sioweb_project.exceptions import ConfigError

KEY_FILE = "secret_key"
KEY_BYTES = 48  # 64 characters; Django asks for 50 or more


def make_private_dir(folder: Path) -> Path:
    """Make it and its parents unless it is there. Raises ConfigError when it cannot be written."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unusable(folder, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    return folder


def make_private_file(file: Path) -> Path:
    """Make an empty one unless it is there: in a folder that was there before, and is open to
    others, it still is its owner's. Raises ConfigError."""
    try:
        if not file.exists():
            file.touch(mode=0o600)
    except OSError as error:
        raise _unusable(file, error) from error
    return file


def generated_secret_key(data_dir: Path) -> str:
    """Return the data folder's secret key, made at the first call.

    1. A new key is written to a file of its own first, so that nobody reads half a key.
    2. That file is linked to its name, which only one of several processes can do.
    3. All read what stands under the name then.
    """
    file = data_dir / KEY_FILE
    try:
        if not file.exists():
            _link_new_key(file)
        key = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(file, error) from error
    if not key:
        raise ConfigError(
            f"{file}: is empty; accepted: a secret key, or no such file (one is then made)"
        )
    return key


def _link_new_key(file: Path) -> None:
    make_private_dir(file.parent)
    # Made with mode 0600.
    descriptor, draft = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_urlsafe(KEY_BYTES) + "\n")
        os.link(draft, file)
    except FileExistsError:
        pass  # another process was quicker: its key holds
    finally:
        Path(draft).unlink()


def _unusable(path: Path, error: Exception) -> ConfigError:
    reason = getattr(error, "strerror", None) or "not plain text"
    return ConfigError(
        f"{path}: cannot be used ({reason}); accepted: a path that this user can read and write"
        " (SIOWEB_DATA_DIR chooses the folder)"
    )
