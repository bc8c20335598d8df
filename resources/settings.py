"""The settings people rely on: environment or .env, validated once. No default of a business rule lives here."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal, cast
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from marketplace.backups import BACKUP_AT
from marketplace.operations import ACTIONS_A_RUN, ACTIONS_SHARE, DEFAULT_MODE, Mode, Operation
from marketplace.rules import AMOUNT_MAX_IDR, AMOUNT_MIN_IDR, AMOUNT_READ_BELOW_IDR
from messages.catalogue import english, understood
from messages.message import Message, as_message, in_a_row
from resources.clock import Clock
from resources.env_file import checked
from resources.errors import BookwatchError, UsageError, Wrong
from resources.home import Home
from resources.masters import is_master
from resources.notifier import Channel, channels_of, routes
from resources.own_hosts import host_name, is_loopback

#: What a variable of ours is called by before the name of its field; Appwrite's are called by theirs alone.
PREFIX: Final = "BOOKWATCH_"


def variable(field: str) -> str:
    """The variable of the environment that a field of the settings is read from."""
    return field.upper() if field.startswith("appwrite_") else f"{PREFIX}{field.upper()}"


class Settings(BaseSettings):
    """Every setting of bookwatch. Use ``load_settings``; the environment wins over ``.env``."""

    model_config = SettingsConfigDict(
        env_file=None,
        env_prefix=PREFIX,
        extra="ignore",
        hide_input_in_errors=True,
        # else APPWRITE_API_KEY with our prefix in .env, which is no setting, would be taken for the key itself
        dotenv_filtering="only_existing",
    )

    # an alias knows no prefix: these are called in the environment as they are here
    appwrite_endpoint: str = Field(
        default="",
        validation_alias="appwrite_endpoint",
        description="The server, with its path, as in https://cloud.example/v1. It holds no user name or password"
        " (an @), and no ? or #. http:// to another machine is refused unless BOOKWATCH_ALLOW_HTTP is on.",
    )
    appwrite_project_id: str = Field(
        default="", validation_alias="appwrite_project_id", description="The project's id."
    )
    appwrite_api_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias="appwrite_api_key",
        description="A key that may read: rows.read and tables.read (databases API: documents.read and"
        " collections.read).",
    )
    appwrite_write_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias="appwrite_write_key",
        description="A key of its own that may write rows: rows.read, rows.write and tables.read (databases API:"
        " documents.read, documents.write and collections.read). Operations alone act with it; never the reading"
        " key.",
    )
    appwrite_database_id: str = Field(
        default="", validation_alias="appwrite_database_id", description="The database's id."
    )
    appwrite_api: Literal["tablesdb", "databases"] = Field(
        default="tablesdb",
        validation_alias="appwrite_api",
        description="Which API the server speaks: databases is that of older ones (collections and documents).",
    )
    home: Annotated[Home, NoDecode] = Field(
        default=Home(Path(".bookwatch")),
        description="Where bookwatch keeps its files. A relative path lies beside the .env in force, else in the"
        " working directory.",
    )
    tables: dict[str, str] = Field(
        default_factory=dict,
        description='Ids of collections that differ from their name, as JSON: {"bookings": "bookings_collection_id"}.',
    )
    timezone: str = Field(
        default="Asia/Makassar",
        description="The zone of providers that name none, and of every local day shown.",
    )
    alert_urls: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Where alerts go: Apprise URLs, separated by blanks or commas. Severities before a = route one"
        " (critical,high=URL). May hold secrets.",
    )
    heartbeat_url: str = Field(
        default="",
        description="Called (GET) after each run that ended with 0 or 10: a dead man's switch. May hold secrets.",
    )
    dashboards: str = Field(
        default="",
        description="Where people open the dashboards, as in https://bookwatch.example: alerts link to it. It holds"
        " no user, password or query.",
    )
    services_url: str = Field(
        default="",
        description="Where the app reaches the booking services, as in https://services.example: pages of providers"
        " lead to it. It holds no user, password or query.",
    )
    services_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Where the app's own pages lie, as in https://app.example: browsers there may call the booking"
        " services. Separated by blanks or commas; scheme, host and port alone. None: pages of the services' own host.",
    )
    login: str = Field(
        default="",
        description="The identity provider (OpenID Connect) that people sign in with at the dashboards: where it"
        " describes itself, as in https://login.example/.well-known/openid-configuration. Empty: no login, and the"
        " dashboards answer this machine alone.",
    )
    login_client: str = Field(
        default="", description="The id that the identity provider has given to bookwatch."
    )
    login_secret: SecretStr = Field(
        default=SecretStr(""), description="The secret that belongs to BOOKWATCH_LOGIN_CLIENT."
    )
    roles: str = Field(
        default="",
        description="The TOML file that says who has which role, by e-mail, group or claim. A relative path lies in"
        " BOOKWATCH_HOME.",
    )
    page_size: int = Field(
        default=1000,
        ge=1,
        le=5000,
        description="Rows a page at most: fewer are asked for where they are heavy or the server fails over them.",
    )
    safety_lag: float = Field(
        default=2.0,
        ge=0,
        le=3600,
        description="How long a scan stays behind the server's clock.",
        json_schema_extra={"unit": "seconds"},
    )
    overlap: float = Field(
        default=60.0,
        ge=0,
        le=86400,
        description="How much of what was scanned a scan reads again.",
        json_schema_extra={"unit": "seconds"},
    )
    workers: int = Field(default=2, ge=1, le=16, description="Collections read at a time.")
    amount_min: int = Field(
        default=AMOUNT_MIN_IDR,
        ge=1,
        lt=AMOUNT_READ_BELOW_IDR,
        description="The least amount that is believed, but for 0: whole, digits alone. Another value derives"
        " everything anew.",
        json_schema_extra={"unit": "rupiah"},
    )
    amount_max: int = Field(
        default=AMOUNT_MAX_IDR,
        ge=1,
        lt=AMOUNT_READ_BELOW_IDR,
        description="The largest amount that is believed; more than BOOKWATCH_AMOUNT_MIN. Another value derives"
        " everything anew.",
        json_schema_extra={"unit": "rupiah"},
    )
    sql_memory: int = Field(
        default=1 << 30,
        ge=64 << 20,
        le=1 << 40,
        description="Memory that a query of `bookwatch sql` may take: a size with its unit. Nothing spills to disk.",
        json_schema_extra={"unit": "bytes"},
    )
    sql_seconds: float = Field(
        default=60.0,
        gt=0,
        le=86400,
        description="Time that a query of `bookwatch sql` may take.",
        json_schema_extra={"unit": "seconds"},
    )
    operations: Annotated[dict[Operation, Mode], NoDecode] = Field(
        default_factory=dict[Operation, Mode],
        description='How far each operation is let, as JSON: {"expire_bookings": "enforce"}. off: not even planned;'
        " observe: planned and shown, nothing is written; enforce: its plan may be applied. Those not named are"
        " observed.",
    )
    actions_a_run: int = Field(
        default=ACTIONS_A_RUN,
        ge=1,
        le=1_000_000,
        description="How many actions a run of an operation may take at most.",
    )
    actions_share: float = Field(
        default=ACTIONS_SHARE,
        gt=0,
        le=1,
        description="The share of its collection that a run of an operation may act on; a few rows always.",
    )
    receiver: SecretStr = Field(
        default=SecretStr(""),
        description="Where notifications that were not delivered are sent again to (POST): an HTTP address of the"
        " app's, which delivers them. May hold secrets. http:// to another machine is refused unless"
        " BOOKWATCH_ALLOW_HTTP is on.",
    )
    receiver_urls: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Apprise URLs that such notifications are sent to besides, separated by blanks or commas: title and"
        " text as they are. May hold secrets.",
    )
    store: str = Field(
        default="",
        description="Where backups lie, and what is shared: a folder, or the address of an object store"
        " (s3://bucket/prefix, gs://, az://), whose credentials its own variables hold. By default"
        " BOOKWATCH_HOME/backups.",
    )
    store_endpoint: str = Field(
        default="",
        description="The server of an s3:// store that is not Amazon's, as in https://s3.example: scheme, host and"
        " port alone. http:// to another machine is refused unless BOOKWATCH_ALLOW_HTTP is on.",
    )
    share_snapshots: Literal["off", "whole", "changes"] = Field(
        default="off",
        description="Whether each run brings the newest snapshot and status.json to BOOKWATCH_STORE, for readers"
        " elsewhere: whole (a DuckDB file each) or changes (the parts that changed).",
    )
    follow: str = Field(
        default="",
        description="The store, as BOOKWATCH_STORE names one, whose newest snapshot this home shows: it is a reader's,"
        " without a pipeline of its own.",
    )
    backup_at: str = Field(
        default=BACKUP_AT,
        description="The local time of the daily backup, as hours and minutes.",
    )
    backup_recipient: str = Field(
        default="",
        description="The public key (age1… or of SSH) that bank details are encrypted to in a backup. Without one they"
        " are left out.",
    )
    backup_bucket: str = Field(
        default="",
        description="The id of a bucket of Appwrite's that gets a copy of each backup. It takes APPWRITE_WRITE_KEY with"
        " files.read and files.write.",
    )
    engine: Literal["duckdb", "spark"] = Field(
        default="duckdb",
        description="What makes the marts: duckdb, on this machine, or spark, on a cluster (docs/spark.md).",
    )
    spark_master: str = Field(
        default="local[2]",
        description="With the engine spark: the cluster's address (spark://host:7077), or local[N] for N threads of"
        " this machine.",
    )
    dagster_postgres: SecretStr = Field(
        default=SecretStr(""),
        description="The PostgreSQL database that Dagster keeps its history in, as in"
        " postgresql://user:password@host/database; it takes the extra postgres. A schema of its own is made there."
        " Without it the history is kept in files of BOOKWATCH_HOME.",
    )
    home_shared: bool = Field(
        default=False,
        description="A home of another user, or open to others, is accepted, as a mounted volume may be.",
    )
    now: datetime | None = Field(
        default=None,
        description="An instant that freezes the one clock every rule reads, and every instant that is written. For"
        " replays and tests.",
    )
    allow_http: bool = Field(
        default=False,
        description="APPWRITE_ENDPOINT and BOOKWATCH_STORE_ENDPOINT may be http:// to another machine: key and rows can"
        " be read on the way.",
    )
    hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Host names our servers answer to beside localhost, 127.0.0.1 and [::1], separated by blanks or"
        " commas: those of your own proxy.",
    )

    @field_validator("home", mode="before")
    @classmethod
    def _folder(cls, value: object) -> object:
        return Home(Path(value)) if isinstance(value, str | Path) else value

    @field_validator("appwrite_endpoint")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if not value:
            return value
        if not value.startswith(("http://", "https://")):
            raise Wrong("setting.endpoint_scheme")
        # It is copied into files, sentences and logs: it may hold nothing that is secret.
        if "@" in value:
            raise Wrong("setting.endpoint_secret")
        if re.search(r"[?#\\\s\x00-\x1f\x7f]", value):
            raise Wrong("setting.endpoint_path")
        try:
            parts = urlsplit(value)
            known = bool(parts.hostname) and parts.port != 0
        except ValueError:
            known = False
        if not known:
            raise Wrong("setting.endpoint_host")
        return value

    @field_validator("allow_http", mode="before")
    @classmethod
    def _switch(cls, value: object) -> object:
        return False if value == "" else value

    @field_validator("hosts", mode="before")
    @classmethod
    def _hosts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        names = [host_name(word) for word in re.split(r"[\s,]+", value) if word]
        if None in names:
            # "*" too: whoever answers to every name answers to the attacker's.
            raise Wrong("setting.hosts")
        return tuple(names)

    @field_validator("services_origins", mode="before")
    @classmethod
    def _origins(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        origins = tuple(word for word in re.split(r"[\s,]+", value.lower()) if word)
        # "*" is none: what is asked there is asked with somebody's JWT.
        if not all(re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", origin) for origin in origins):
            raise Wrong("setting.services_origins")
        return origins

    @field_validator("dashboards", "services_url")
    @classmethod
    def _dashboards(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        # It is repeated in alerts, so it may hold no password, and nothing after a ? or # that could be a token.
        if value and not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[\w.~/-]*)?", value):
            raise Wrong("setting.dashboards")
        return value

    @field_validator("login")
    @classmethod
    def _provider(cls, value: str) -> str:
        value = value.strip()
        # Whoever can change an answer on the way can sign in as anybody.
        if value and not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+/[\w.~/?=&%-]*", value):
            raise Wrong("setting.login")
        parts = urlsplit(value)
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise Wrong("setting.login")
        return value

    @field_validator("login_client", "login_secret", mode="before")
    @classmethod
    def _word(cls, value: object) -> object:
        if isinstance(value, str) and re.search(r"[\s\x00-\x1f\x7f]", value.strip()):
            raise Wrong("setting.login_text")
        return value.strip() if isinstance(value, str) else value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as unknown:
            raise Wrong("setting.zone") from unknown
        return value

    @field_validator("amount_min", "amount_max", mode="before")
    @classmethod
    def _rupiah(cls, value: object) -> object:
        # "20.000" is twenty to Python and twenty thousand in Indonesia
        if isinstance(value, str) and not re.fullmatch(r"\s*[0-9]+\s*", value):
            raise Wrong("setting.rupiah")
        return value

    @field_validator("operations", mode="before")
    @classmethod
    def _modes(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            given: object = json.loads(value or "{}")
        except ValueError:
            raise Wrong("setting.operations_json") from None
        if not isinstance(given, dict):
            raise Wrong("setting.operations_json")
        modes: dict[Operation, Mode] = {}
        for name, mode in cast("dict[str, object]", given).items():
            if name not in set(Operation):
                raise Wrong("setting.operation_unknown", names=[word.value for word in Operation])
            if not isinstance(mode, str) or mode not in set(Mode):
                raise Wrong("setting.operation_mode", operation=name, names=[word.value for word in Mode])
            modes[Operation(name)] = Mode(mode)
        return modes

    @field_validator("appwrite_write_key")
    @classmethod
    def _key_of_its_own(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        reading = info.data.get("appwrite_api_key")
        secret = value.get_secret_value().strip()
        if secret and isinstance(reading, SecretStr) and secret == reading.get_secret_value().strip():
            raise Wrong("setting.write_key_shared")
        return value

    @field_validator("amount_max")
    @classmethod
    def _above_the_least(cls, value: int, info: ValidationInfo) -> int:
        if value <= info.data.get("amount_min", 0):
            raise Wrong("setting.amount_max")
        return value

    @field_validator("sql_memory", mode="before")
    @classmethod
    def _bytes(cls, value: object) -> object:
        """Bytes of "1 GiB", "512MB". A number alone would be read as bytes by some and as MiB by others."""
        if not isinstance(value, str):
            return value
        found = re.fullmatch(
            r"\s*([0-9]{1,6}(?:\.[0-9]{1,3})?)\s*([KMGT])(i?)B?\s*", value, re.IGNORECASE | re.ASCII
        )
        if found is None:
            raise Wrong("setting.size_unit")
        power = "KMGT".index(found[2].upper()) + 1
        size = round(float(found[1]) * (1024 if found[3] else 1000) ** power)
        if not 64 << 20 <= size <= 1 << 40:
            raise Wrong("setting.size_bounds")
        return size

    @field_validator("receiver")
    @classmethod
    def _receiver(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value().strip()
        if not url:
            return SecretStr("")
        try:
            parts = urlsplit(url)
            known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            known = False
        if not known or re.search(r"[\s\x00-\x1f\x7f]", url):
            raise Wrong("setting.receiver")
        return SecretStr(url)

    @field_validator("alert_urls", "receiver_urls", mode="before")
    @classmethod
    def _urls(cls, value: object) -> object:
        return routes(value) if isinstance(value, str) else value

    @field_validator("backup_at")
    @classmethod
    def _time_of_day(cls, value: str) -> str:
        if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value.strip()):
            raise Wrong("setting.time_of_day")
        return value.strip()

    @field_validator("store", "follow")
    @classmethod
    def _store(cls, value: str) -> str:
        value = value.strip()
        # It is copied into the ledger, tables and sentences.
        if "://" in value and re.search(r"[@?#\s\x00-\x1f\x7f]", value):
            raise Wrong("setting.store_secret")
        return value

    @field_validator("spark_master")
    @classmethod
    def _spark_master(cls, value: str) -> str:
        value = value.strip()
        if not is_master(value):
            raise Wrong("setting.spark_master")
        return value

    @field_validator("store_endpoint")
    @classmethod
    def _store_server(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if value and not re.fullmatch(
            r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?", value
        ):
            raise Wrong("setting.store_endpoint")
        return value

    @field_validator("share_snapshots", mode="before")
    @classmethod
    def _shared_how(cls, value: object) -> object:
        return "off" if value == "" else value

    @field_validator("share_snapshots")
    @classmethod
    def _shared_where(cls, value: str, info: ValidationInfo) -> str:
        # The home's own folder of backups is no place that others read.
        if value != "off" and not info.data.get("store"):
            raise Wrong("setting.share_store")
        return value

    @field_validator("follow")
    @classmethod
    def _one_of_both(cls, value: str, info: ValidationInfo) -> str:
        if value and info.data.get("share_snapshots", "off") != "off":
            raise Wrong("setting.follow_shares")
        return value

    @field_validator("backup_recipient", "backup_bucket")
    @classmethod
    def _one_line(cls, value: str) -> str:
        return value.strip()

    @field_validator("dagster_postgres")
    @classmethod
    def _postgres(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value().strip()
        if not url:
            return SecretStr("")
        parts, asked = urlsplit(""), dict[str, list[str]]()
        try:
            parts = urlsplit(url)
            asked = parse_qs(parts.query)
            known = (
                parts.scheme in ("postgresql", "postgres")
                and bool(parts.hostname or asked.get("host"))
                and parts.port != 0
                and len(parts.path) > 1
            )
        except ValueError:
            known = False
        # "options" is how the schema of its own is chosen; a "#" that is not written as %23 cuts a password off.
        if not known or "options" in asked or "," in parts.netloc or re.search(r"[#\s\x00-\x1f\x7f]", url):
            raise Wrong("setting.postgres")
        return SecretStr(url)

    @field_validator("home_shared", mode="before")
    @classmethod
    def _shared(cls, value: object) -> object:
        return False if value == "" else value

    @field_validator("now", mode="before")
    @classmethod
    def _now(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("now")
    @classmethod
    def _utc(cls, value: datetime | None) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    @property
    def clock(self) -> Clock:
        return Clock(self.now)

    @property
    def sends_in_the_clear(self) -> bool:
        """Whether the key and every row would cross a network unencrypted: http:// to another machine."""
        parts = urlsplit(self.appwrite_endpoint)
        return parts.scheme == "http" and not is_loopback(parts.hostname or "")

    @property
    def alert_channels(self) -> tuple[Channel, ...]:
        """Where alerts go, and which severities each takes."""
        return channels_of(self.alert_urls)

    @property
    def receiver_channels(self) -> tuple[Channel, ...]:
        """Where notifications are sent again besides the app's receiver."""
        return channels_of(self.receiver_urls)

    @property
    def sends_notifications(self) -> bool:
        """Whether there is a way to send notifications again."""
        return bool(self.receiver.get_secret_value() or self.receiver_urls)

    @property
    def receiver_in_the_clear(self) -> bool:
        """Whether notifications would cross a network unencrypted."""
        parts = urlsplit(self.receiver.get_secret_value())
        return parts.scheme == "http" and not is_loopback(parts.hostname or "")

    @property
    def roles_file(self) -> Path:
        """Where it is said who has which role."""
        return self.home.root / Path(self.roles).expanduser()

    def require_login(self) -> Settings:
        """Return itself, or raise UsageError: of what a login takes something is not set, or the address it comes back
        to is none."""
        missing = [
            name
            for name, value in {
                "BOOKWATCH_LOGIN": self.login,
                "BOOKWATCH_LOGIN_CLIENT": self.login_client,
                "BOOKWATCH_LOGIN_SECRET": self.login_secret.get_secret_value(),
                "BOOKWATCH_ROLES": self.roles,
                "BOOKWATCH_DASHBOARDS": self.dashboards,
            }.items()
            if not value
        ]
        if missing:
            raise UsageError(
                Message("failure.login_missing", {"names": missing}), Message("failure.login_missing_do")
            )
        parts = urlsplit(self.dashboards)
        if parts.path or (parts.scheme == "http" and not is_loopback(parts.hostname or "")):
            raise UsageError.of("failure.login_address")
        return self

    def table_id(self, collection: str) -> str:
        """The id of a collection in this deployment (BOOKWATCH_TABLES), its own name by default."""
        return self.tables.get(collection, collection)

    def mode_of(self, operation: Operation) -> Mode:
        """How far an operation is let."""
        return self.operations.get(operation, DEFAULT_MODE)

    def acting(self) -> Settings:
        """The settings with which operations call Appwrite: the acting key in the place of the reading one. Raises
        UsageError where there is none, or an Appwrite setting is missing."""
        self.require_appwrite()
        if not self.appwrite_write_key.get_secret_value().strip():
            raise UsageError.of("failure.write_key_missing")
        return self.model_copy(update={"appwrite_api_key": self.appwrite_write_key})

    def require_appwrite(self) -> Settings:
        """Return itself, or raise UsageError: a setting is missing, or the key would be sent unencrypted."""
        missing = [
            name
            for name, value in {
                "APPWRITE_ENDPOINT": self.appwrite_endpoint,
                "APPWRITE_PROJECT_ID": self.appwrite_project_id,
                "APPWRITE_API_KEY": self.appwrite_api_key.get_secret_value(),
                "APPWRITE_DATABASE_ID": self.appwrite_database_id,
            }.items()
            if not value
        ]
        if missing:
            code = "failure.setting_missing" if len(missing) == 1 else "failure.settings_missing"
            raise UsageError(Message(code, {"names": missing}), Message("failure.setting_missing_do"))
        if self.sends_in_the_clear and not self.allow_http:
            raise UsageError.of("failure.in_the_clear")
        return self


def _problem(wrong: ErrorDetails) -> Message:
    """What is wrong with a setting. Nothing of its value goes on."""
    given = wrong.get("ctx", {})
    if isinstance(error := given.get("error"), Wrong):
        return error.message
    limits = [value for name, value in given.items() if name in ("ge", "le", "gt", "lt")]
    known = Message(f"setting.{wrong['type']}", {"limit": str(limits[0]) if limits else ""})
    said = wrong["msg"].removeprefix("Value error, ")
    return known if understood(known) and english(known) == said else as_message(said)


def env_file() -> Path | None:
    """The ``.env`` in force: of the working directory, else of the nearest folder above it that has one."""
    here = Path.cwd()
    return next((folder / ".env" for folder in (here, *here.parents) if (folder / ".env").is_file()), None)


def load_settings() -> Settings:
    """Read and validate the settings. Raises UsageError with one sentence a setting, or about a .env that is not to be
    read; never repeats a value. Also for a home that is refused (resources/home.py).

    A relative BOOKWATCH_HOME lies beside the ``.env`` in force, else in the working directory, so that every
    command finds the same home from any folder of a project.
    """
    found = env_file()
    encoding = None if found is None else checked(found)
    try:
        settings = Settings(_env_file=found, _env_file_encoding=encoding)  # pyright: ignore[reportCallIssue] - pydantic-settings' own arguments
        folder = settings.home.root.expanduser()
        base = found.parent if found and "BOOKWATCH_HOME" not in os.environ else Path.cwd()
        home = Home(folder if folder.is_absolute() else base / folder)
        placed = settings.model_copy(update={"home": home})
        placed.home.check(shared=placed.home_shared)
        return placed
    except BookwatchError:
        raise
    except ValidationError as invalid:
        sentences = in_a_row(
            [
                Message(
                    "failure.setting_of",
                    {
                        "name": _place(wrong["loc"]),
                        "problem": _problem(wrong),
                    },
                )
                for wrong in invalid.errors(include_input=False, include_url=False)
            ]
        )
        raise UsageError.of("failure.setting_wrong", sentences=as_message(sentences)) from None
    except Exception as broken:  # noqa: BLE001 - pydantic-settings raises SettingsError with the value in it
        raise UsageError.of(
            "failure.settings_unread",
            kind=type(broken).__name__,
            example='{"bookings": "bookings_collection_id"}',
        ) from None


def _place(where: tuple[int | str, ...]) -> str:
    """The variable, and the key in it, that an error of Pydantic's is about."""
    field, *keys = where
    return ".".join([variable(str(field)), *(str(key).upper() for key in keys)])
