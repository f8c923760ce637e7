"""Settings from the environment (and `.env`). Names without prefix are those of the existing system.

`.env.example` is made from this class. No secret has a default; values never appear in errors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from godkaiser.auth.requests import MOST
from godkaiser.errors import SettingsError
from godkaiser.model.request import TOKEN_MOST

MIN_SECRET = 32


class Settings(BaseSettings):
    """What a controller needs to know about its surroundings."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    jwt_secret_key: SecretStr | None = Field(
        None, description="Signs sessions; made in the data folder if not set"
    )
    database_url: SecretStr | None = Field(
        None, description="sqlite:/// or postgresql://; default: a file in the data folder"
    )
    mqtt_broker_host: str = Field("127.0.0.1", description="MQTT broker")
    mqtt_broker_port: int = Field(1883, ge=1, le=65535, description="its port (8883 with TLS)")
    mqtt_username: str | None = Field(None, description="user name at the broker")
    mqtt_password: SecretStr | None = Field(None, description="password at the broker")
    mqtt_use_tls: bool = Field(False, description="encrypt the connection to the broker")
    mqtt_ca_cert_path: Path | None = Field(
        None, description="PEM file: who signed the broker's certificate; default: who this machine trusts"
    )
    mqtt_client_cert_path: Path | None = Field(None, description="PEM file: our client certificate")
    mqtt_client_key_path: Path | None = Field(None, description="PEM file: its key, without a passphrase")
    godkaiser_data_dir: Path = Field(
        Path.home() / ".local" / "share" / "godkaiser",
        description="data folder: database, safety journal, secret",
    )
    godkaiser_site: Path | None = Field(
        None, description="site file (YAML): zones, nodes, sensors, actuators, rules"
    )
    godkaiser_mqtt_window: int = Field(20, ge=1, le=65535, description="the broker's max_inflight_messages")
    godkaiser_node_token: SecretStr | None = Field(
        None, description="emergency token the nodes were given (nodes set-token); default: a node's own id"
    )
    godkaiser_broadcast_token: SecretStr | None = Field(
        None, description="broadcast emergency token the nodes were given; default: none"
    )
    godkaiser_journal_within_s: float = Field(
        0.1,
        ge=0.02,
        le=10,
        description="seconds the disk may take for the safety journal; then nothing is switched on",
    )
    godkaiser_commit_interval_s: float = Field(
        0.25,
        ge=0,
        le=5,
        description="seconds a reading waits for others before both are stored; 0: at once, and more is written",
    )
    godkaiser_record_mb: int = Field(
        200,
        ge=0,
        le=100_000,
        description="megabytes kept of recordings, which `godkaiser replay` plays again; 0: nothing is recorded",
    )
    godkaiser_broker_dir: Path | None = Field(
        None,
        description="folder for the broker's `passwords` and `acl`, made from the nodes; default: not ours to make",
    )
    godkaiser_broker_reload: str = Field(
        "", description="command that has the broker read them again, such as `systemctl reload mosquitto`"
    )
    godkaiser_mqtt_version: Literal["3.1.1", "5"] = Field("3.1.1", description="MQTT version: 3.1.1 or 5")

    audit_encryption_key_file: Path | None = Field(
        None,
        description="file with the key for the audit's details (`audit new-key`); default: they are in clear",
    )
    audit_retention_enabled: bool = Field(False, description="erase old rows of the audit once a day")
    audit_retention_dry_run: bool = Field(True, description="only count what would be erased")
    audit_retention_info_days: int = Field(
        30, ge=1, le=36500, description="days rows of severity info are kept, if old ones are erased"
    )
    audit_retention_warning_days: int = Field(90, ge=1, le=36500, description="the same of warning")
    audit_retention_error_days: int = Field(
        365, ge=1, le=36500, description="the same of error; what is critical is never erased"
    )
    godkaiser_api_requests_per_minute: int = Field(
        100,
        description="requests a minute for each person and API token, 1 to 10000; the pages have ten times as many",
    )

    godkaiser_db_pool_size: int | None = Field(
        None, ge=1, le=1000, description="PostgreSQL only: connections kept open; default: 10"
    )
    godkaiser_db_pool_overflow: int | None = Field(
        None, ge=0, le=1000, description="PostgreSQL only: more connections for a while; default: 20"
    )
    godkaiser_db_pool_wait_s: float | None = Field(
        None, gt=0, le=3600, description="PostgreSQL only: seconds to wait for a connection; default: 30"
    )
    godkaiser_db_echo: bool = Field(False, description="log every statement, without its values")

    @field_validator("jwt_secret_key")
    @classmethod
    def _strong(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < MIN_SECRET:
            raise ValueError(f"needs at least {MIN_SECRET} characters")
        return value

    @field_validator("godkaiser_api_requests_per_minute")
    @classmethod
    def _limited(cls, value: int) -> int:
        if not 1 <= value <= MOST:
            raise ValueError(f"is 1 to {MOST}: there is always a limit, and 0 would let nobody in")
        return value

    @field_validator("mqtt_broker_host")
    @classmethod
    def _host_name(cls, value: str) -> str:
        try:
            encoded = value.encode("idna")
        except UnicodeError:
            encoded = b""
        if not encoded or set(value) & set("/@ "):
            raise ValueError("is not a host name or an address; leave out mqtt:// and the port")
        return value

    @field_validator("mqtt_password")
    @classmethod
    def _whose(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None and info.data.get("mqtt_username") is None:
            raise ValueError("is set, but MQTT_USERNAME is not")
        return value

    @field_validator("godkaiser_node_token", "godkaiser_broadcast_token")
    @classmethod
    def _kept_by_nodes(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not 1 <= len(value.get_secret_value().encode()) <= TOKEN_MOST:
            raise ValueError(f"needs 1 to {TOKEN_MOST} bytes")
        return value


def load_settings(**overrides: Any) -> Settings:
    """From the environment; `None` overrides are left out. Raises `SettingsError` without any value in it."""
    try:
        return Settings(**{key: value for key, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]).upper()
        problem = first["msg"].removeprefix("Value error, ")
        raise SettingsError(
            field=name, problem=problem, remedy_text=f"Correct {name} in the environment or .env."
        ) from None


def env_example() -> str:
    """The text of `.env.example`."""
    lines = ["# Settings of godkaiser. Made by `python -m godkaiser.settings`; every line is optional."]
    for name, field in Settings.model_fields.items():
        lines += [f"# {field.description}", f"#{name.upper()}="]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(env_example(), end="")
