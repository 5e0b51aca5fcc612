"""The data folder is private, and its secret key is one for all processes."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sioweb_project.config import ConfigError, load_config
from sioweb_project.data_dir import generated_secret_key, make_private_dir


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secret_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    data_dir = tmp_path / "deep" / "var"
    key = generated_secret_key(data_dir)
    assert len(key) >= 50
    assert generated_secret_key(data_dir) == key
    assert mode_of(data_dir / "secret_key") == 0o600
    assert mode_of(data_dir) == 0o700
    assert [file.name for file in data_dir.iterdir()] == ["secret_key"]


def test_database_is_for_its_owner_only_in_a_folder_that_is_open(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    load_config({"SIOWEB_DATA_DIR": str(tmp_path), "SIOWEB_CONFIG_DIR": str(tmp_path)})
    assert mode_of(tmp_path / "db.sqlite3") == 0o600


def test_processes_that_start_together_agree_on_the_secret_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(generated_secret_key, [tmp_path / "var"] * 64))
    assert len(keys) == 1


def test_two_folders_have_two_secret_keys(tmp_path: Path) -> None:
    assert generated_secret_key(tmp_path / "a") != generated_secret_key(tmp_path / "b")


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_empty_secret_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret_key").write_bytes(content)
    with pytest.raises(ConfigError, match="secret_key: is empty; accepted: a secret key, or no"):
        generated_secret_key(tmp_path)


def test_secret_key_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"secret_key: cannot be used \(not plain text\)"):
        generated_secret_key(tmp_path)


def test_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "var").touch()
    with pytest.raises(ConfigError, match=r"var: cannot be used \(File exists\); accepted: a path"):
        make_private_dir(tmp_path / "var")
    with pytest.raises(ConfigError, match=r"below: cannot be used \("):
        make_private_dir(tmp_path / "var" / "below")


def test_nothing_is_made_when_nothing_is_kept(tmp_path: Path) -> None:
    load_config(
        {
            "SIOWEB_DATA_DIR": str(tmp_path / "var"),
            "SIOWEB_SECRET_KEY": "given-0123456789-by-somebody",
            "SIOWEB_DATABASE_URL": "postgres://a/b",
        }
    )
    assert not (tmp_path / "var").exists()


def test_database_is_a_file_of_the_data_folder(tmp_path: Path) -> None:
    config = load_config({"SIOWEB_DATA_DIR": str(tmp_path / "a b+c")})
    assert config.database_url == f"sqlite:///{tmp_path}/a%20b%2Bc/db.sqlite3"
