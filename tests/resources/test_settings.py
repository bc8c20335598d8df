"""Settings: what is missing or wrong is said in one sentence, and no value is repeated."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from resources.errors import UsageError
from resources.settings import PREFIX, load_settings

NAMES = ("APPWRITE_ENDPOINT", "APPWRITE_PROJECT_ID", "APPWRITE_API_KEY", "APPWRITE_DATABASE_ID")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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
        ("APPWRITE_ENDPOINT", "https://me:secret@appwrite.test/v1"),
        ("APPWRITE_ENDPOINT", "https://secret@appwrite.test/v1"),
        ("APPWRITE_ENDPOINT", "https://:secret@appwrite.test"),
        ("APPWRITE_ENDPOINT", "https://@secret.test/v1"),
        ("APPWRITE_ENDPOINT", "http://me:secret@127.0.0.1/v1"),
        ("APPWRITE_ENDPOINT", "https://me:sec/ret@appwrite.secret/v1"),
        ("APPWRITE_ENDPOINT", "https://appwrite.test/v1?key=secret"),
        ("APPWRITE_ENDPOINT", "https://appwrite.test/v1#secret"),
        ("APPWRITE_ENDPOINT", "https://appwrite.test\\secret/v1"),
        ("APPWRITE_ENDPOINT", "https://appwrite.test/v1 secret"),
        ("APPWRITE_ENDPOINT", "https://appwrite.test\x1b[2Jsecret"),
        ("APPWRITE_ENDPOINT", "https:///secret"),
        ("APPWRITE_ENDPOINT", "https://[secret/v1"),
        ("APPWRITE_ENDPOINT", "https://appwrite.test:secret/v1"),
        ("APPWRITE_ENDPOINT", "https://secret.test:70000/v1"),
        ("APPWRITE_API", "secret-kind"),
        ("BOOKWATCH_ALLOW_HTTP", "secret"),
        ("BOOKWATCH_HOSTS", "*"),
        ("BOOKWATCH_HOSTS", "*.secret.test"),
        ("BOOKWATCH_HOSTS", "https://secret.test"),
        ("BOOKWATCH_HOSTS", "secret.test:8501"),
        ("BOOKWATCH_HOSTS", "watch.test, secret/x"),
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
    assert (load_settings().amount_min, load_settings().amount_max) == (
        20_000,
        20_000_000,
    )
    monkeypatch.setenv("BOOKWATCH_AMOUNT_MIN", " 50000 ")
    monkeypatch.setenv("BOOKWATCH_AMOUNT_MAX", "60000")
    assert (load_settings().amount_min, load_settings().amount_max) == (50_000, 60_000)


def test_now_is_read_as_utc_whatever_its_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("2026-03-01T08:00:00+08:00", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00"):
        monkeypatch.setenv("BOOKWATCH_NOW", text)
        assert load_settings().clock.now() == datetime(2026, 3, 1, tzinfo=UTC)


def test_an_empty_now_is_a_running_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKWATCH_NOW", "")
    assert load_settings().now is None


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


def test_a_variable_that_is_no_setting_sets_none(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "APPWRITE_ENDPOINT=https://one.example/v1\n"
        f"{PREFIX}APPWRITE_ENDPOINT=https://two.example/v1\n{PREFIX}APPWRITE_DATABASE_ID=other\nTIMEZONE=Asia/Jakarta\nHOME=/nowhere\nNOW=2026-01-01\n"
    )
    settings = load_settings()
    assert settings.appwrite_endpoint == "https://one.example/v1"
    assert settings.appwrite_database_id == ""
    assert (settings.timezone, settings.home.root, settings.now) == (
        "Asia/Makassar",
        tmp_path / ".bookwatch",
        None,
    )


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
    assert load_settings().alert_urls == ("json://one", "mailto://two", "json://three")


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://appwrite.test/v1", "http://192.168.1.5/v1", "http://10.0.0.1", "http://localhost.evil.test/v1",
        "http://127.0.0.1.nip.test/v1", "http://[2001:db8::1]/v1", "http://0.0.0.0/v1", "http://localhosts/v1",
    ],
)  # fmt: skip
def test_http_to_another_machine_needs_to_be_allowed(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("APPWRITE_ENDPOINT", endpoint)
    for refused in ("", "0", "false"):
        monkeypatch.setenv("BOOKWATCH_ALLOW_HTTP", refused)
        with pytest.raises(UsageError, match="BOOKWATCH_ALLOW_HTTP=1") as error:
            load_settings().require_appwrite()
        assert error.value.exit_status == 2
    monkeypatch.setenv("BOOKWATCH_ALLOW_HTTP", "1")
    assert load_settings().require_appwrite().sends_in_the_clear


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:8080/v1", "http://localhost/v1", "http://LOCALHOST:80/v1", "http://[::1]:9/v1",
        "http://127.1.2.3/v1", "http://localhost./v1", "https://appwrite.test/v1", "https://10.0.0.1:8443",
    ],
)  # fmt: skip
def test_what_stays_on_this_machine_or_is_encrypted_needs_nothing(
    monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("APPWRITE_ENDPOINT", endpoint)
    assert load_settings().require_appwrite().appwrite_endpoint == endpoint


def test_own_hosts_are_separated_by_blanks_or_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKWATCH_HOSTS", "Watch.example.org, box.  192.168.1.5 [2001:DB8::1],")
    assert load_settings().hosts == ("watch.example.org", "box", "192.168.1.5", "2001:db8::1")
    monkeypatch.setenv("BOOKWATCH_HOSTS", "")
    assert load_settings().hosts == ()


LINES = "APPWRITE_DATABASE_ID=market{end}APPWRITE_PROJECT_ID=lab{end}"


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["no mark", "a mark"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_an_env_file_of_windows_is_read(tmp_path: Path, mark: str, end: str) -> None:
    (tmp_path / ".env").write_bytes((mark + LINES.format(end=end)).encode())
    settings = load_settings()
    assert (settings.appwrite_database_id, settings.appwrite_project_id) == ("market", "lab")


@pytest.mark.parametrize(
    ("content", "line", "encoding"),
    [
        (LINES.format(end="\n").encode("utf-16"), 1, "UTF-16"),
        ("\ufeffA=1\n".encode("utf-16-be"), 1, "UTF-16"),
        (LINES.format(end="\r\n").encode("utf-16-le"), 1, "UTF-16"),
        (LINES.format(end="\n").encode("utf-32"), 1, "UTF-32"),
        ("A=1\nB=secret é\n".encode("latin-1"), 2, "Latin-1"),
        ("A=1\r\nB=2\r\n# “secret”\r\n".encode("cp1252"), 3, "Latin-1"),
        (b"A=1\nB=secret\x00\n", 2, "zero bytes"),
        (b"\xef\xbb\xbfA=1\n\n\nB=\xff\n", 4, "another encoding"),
    ],
)
def test_an_env_file_in_another_encoding_is_named_with_its_line(
    tmp_path: Path, content: bytes, line: int, encoding: str
) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(UsageError) as error:
        load_settings()
    assert error.value.exit_status == 2
    said = str(error.value)
    assert all(word in said for word in (str(tmp_path / ".env"), f"line {line} ", encoding))
    assert "secret" not in said


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_an_env_file_that_others_may_write_is_not_read(tmp_path: Path, mode: int) -> None:
    file = tmp_path / ".env"
    file.write_text("APPWRITE_ENDPOINT=https://evil.test/v1\n")
    file.chmod(mode)
    with pytest.raises(UsageError, match="written by other users") as error:
        load_settings()
    assert error.value.exit_status == 2
    assert str(file) in str(error.value)
    file.chmod(0o644)
    assert load_settings().appwrite_endpoint == "https://evil.test/v1"


def test_an_env_file_of_another_user_is_not_read_also_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("APPWRITE_ENDPOINT=https://evil.test/v1\n")
    below = tmp_path / "project"
    below.mkdir()
    monkeypatch.chdir(below)
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    with pytest.raises(UsageError, match="another user"):
        load_settings()


def test_an_env_file_that_is_a_link_elsewhere_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    (here / "kept").mkdir(parents=True)
    for place in (tmp_path / "env", here / "kept" / "env"):
        place.write_text("APPWRITE_PROJECT_ID=lab\n")
    monkeypatch.chdir(here)
    (here / ".env").symlink_to(tmp_path / "env")
    with pytest.raises(UsageError, match="link to a file elsewhere"):
        load_settings()
    (here / ".env").unlink()
    (here / ".env").symlink_to(Path("kept") / "env")  # as a mounted secret is
    assert load_settings().appwrite_project_id == "lab"


def test_the_key_is_not_in_the_settings_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPWRITE_API_KEY", "very-secret-key")
    assert "very-secret-key" not in repr(load_settings())


def test_the_dashboards_address_is_an_address_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    for written, kept in (
        ("", ""),
        ("https://bookwatch.example/", "https://bookwatch.example"),
        (" http://10.0.0.5:8501/a ", "http://10.0.0.5:8501/a"),
    ):
        monkeypatch.setenv("BOOKWATCH_DASHBOARDS", written)
        assert load_settings().dashboards == kept
    for wrong in (
        "bookwatch.example",
        "https://u:secret@x.id",
        "https://x.id?token=secret",
        "javascript:secret",
    ):
        monkeypatch.setenv("BOOKWATCH_DASHBOARDS", wrong)
        with pytest.raises(UsageError, match="BOOKWATCH_DASHBOARDS") as refused:
            load_settings()
        assert "secret" not in str(refused.value)


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
    assert load_settings().sql_memory == size


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


LOGIN = {
    "BOOKWATCH_LOGIN": "https://login.test/.well-known/openid-configuration",
    "BOOKWATCH_LOGIN_CLIENT": "bookwatch",
    "BOOKWATCH_LOGIN_SECRET": "known-to-the-two",
    "BOOKWATCH_ROLES": "roles.toml",
    "BOOKWATCH_DASHBOARDS": "https://watch.test",
}


def test_a_login_is_whole_or_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BOOKWATCH_HOME", str(tmp_path / "home"))
    settings = load_settings().require_login()
    assert settings.roles_file == tmp_path / "home" / "roles.toml"
    assert "known-to-the-two" not in repr(settings)
    for name in LOGIN:
        with monkeypatch.context() as without:
            without.delenv(name)
            with pytest.raises(UsageError, match=f"{name} is not set.*Nobody gets in"):
                load_settings().require_login()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BOOKWATCH_LOGIN", "http://login.test/.well-known/openid-configuration"),
        ("BOOKWATCH_LOGIN", "https://me:pass@login.test/.well-known/openid-configuration"),
        ("BOOKWATCH_LOGIN", "login.test"),
        ("BOOKWATCH_LOGIN_CLIENT", "two words"),
        ("BOOKWATCH_DASHBOARDS", "http://watch.test"),  # people's sessions would cross a network in the clear
        ("BOOKWATCH_DASHBOARDS", "https://watch.test/inner"),
    ],
)
def test_a_login_that_could_be_listened_to_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    for known, said in {**LOGIN, name: value}.items():
        monkeypatch.setenv(known, said)
    with pytest.raises(UsageError, match=name) as error:
        load_settings().require_login()
    assert "known-to-the-two" not in str(error.value)
