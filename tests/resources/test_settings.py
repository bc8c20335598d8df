"""Settings: what is missing or wrong is said in one sentence, and no value is repeated."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from resources.errors import UsageError
from resources.settings import load_settings

NAMES = ("APPWRITE_ENDPOINT", "APPWRITE_PROJECT_ID", "APPWRITE_API_KEY", "APPWRITE_DATABASE_ID")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in list(os.environ):
        if name.startswith(("APPWRITE_", "BOOKWATCH_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_every_missing_appwrite_setting_is_named() -> None:
    with pytest.raises(UsageError) as error:
        load_settings().require_appwrite()
    assert all(name in str(error.value) for name in NAMES)
    assert error.value.exit_status == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APPWRITE_ENDPOINT", "ftp://secret-host"),
        ("APPWRITE_API", "secret-kind"),
        ("BOOKWATCH_TABLES", "secret not json"),
        ("BOOKWATCH_TABLES", '["secret"]'),
        ("BOOKWATCH_TIMEZONE", "Asia/Secret"),
        ("BOOKWATCH_PAGE_SIZE", "secret"),
        ("BOOKWATCH_SAFETY_LAG", "-1"),
        ("BOOKWATCH_NOW", "secret day"),
        ("BOOKWATCH_AMOUNT_MIN", "secret"),
        ("BOOKWATCH_AMOUNT_MIN", "0"),
        ("BOOKWATCH_AMOUNT_MIN", "-1"),
        ("BOOKWATCH_AMOUNT_MIN", "20.000"),  # twenty to a computer
        ("BOOKWATCH_AMOUNT_MIN", ""),
        ("BOOKWATCH_AMOUNT_MIN", "20000000"),
        ("BOOKWATCH_AMOUNT_MAX", "20000"),
        ("BOOKWATCH_AMOUNT_MAX", "2e7"),
        ("BOOKWATCH_AMOUNT_MAX", "1000000000000"),
    ],
)
def test_a_wrong_setting_is_one_sentence_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as error:
        load_settings()
    assert name in str(error.value)
    assert "ecret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_the_bounds_of_an_amount_are_rupiah_and_the_rules_own_by_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (load_settings().bookwatch_amount_min, load_settings().bookwatch_amount_max) == (
        20_000,
        20_000_000,
    )
    monkeypatch.setenv("BOOKWATCH_AMOUNT_MIN", " 50000 ")
    monkeypatch.setenv("BOOKWATCH_AMOUNT_MAX", "60000")
    assert (load_settings().bookwatch_amount_min, load_settings().bookwatch_amount_max) == (50_000, 60_000)


def test_now_is_read_as_utc_whatever_its_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("2026-03-01T08:00:00+08:00", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00"):
        monkeypatch.setenv("BOOKWATCH_NOW", text)
        assert load_settings().clock.now() == datetime(2026, 3, 1, tzinfo=UTC)


def test_an_empty_now_is_a_running_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKWATCH_NOW", "")
    assert load_settings().bookwatch_now is None


def test_the_default_home_lies_beside_the_env_file_from_any_folder_below(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("APPWRITE_DATABASE_ID=market\nBOOKWATCH_HOME=data\n")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    settings = load_settings()
    assert settings.appwrite_database_id == "market"
    assert settings.home.root == tmp_path / "data"


def test_the_environment_wins_and_its_relative_home_is_of_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("BOOKWATCH_HOME=data\n")
    below = tmp_path / "a"
    below.mkdir()
    monkeypatch.chdir(below)
    monkeypatch.setenv("BOOKWATCH_HOME", "other")
    assert load_settings().home.root == below / "other"


def test_alert_urls_are_separated_by_spaces_or_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKWATCH_ALERT_URLS", "json://one, mailto://two json://three")
    assert load_settings().bookwatch_alert_urls == ("json://one", "mailto://two", "json://three")


def test_the_key_is_not_in_the_settings_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPWRITE_API_KEY", "very-secret-key")
    assert "very-secret-key" not in repr(load_settings())


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("1 GiB", 1 << 30),
        ("512MB", 512_000_000),
        ("0.5gib", 1 << 29),
        (" 64 MiB ", 64 << 20),
        ("2G", 2_000_000_000),
    ],
)
def test_the_memory_of_a_query_is_a_size_with_its_unit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str, size: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOOKWATCH_SQL_MEMORY", written)
    assert load_settings().bookwatch_sql_memory == size


@pytest.mark.parametrize(
    ("name", "written"),
    [("MEMORY", each) for each in ("1073741824", "", "lots", "63 MiB", "0 GiB", "-1 GiB", "9 TiB")]
    + [("SECONDS", each) for each in ("0", "-1", "inf", "nan", "a minute", "86401")],
)
def test_a_bound_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, written: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"BOOKWATCH_SQL_{name}", written)
    with pytest.raises(UsageError, match=f"BOOKWATCH_SQL_{name}"):
        load_settings()
