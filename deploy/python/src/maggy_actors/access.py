"""How a server is named, and what opens it: addresses, tokens, files of credentials."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import urllib.parse
from pathlib import Path

from .errors import MaggyError, describe

BLOCK = r"-----BEGIN NATS USER JWT-----.*?END USER NKEY SEED-+"
"""One user's credentials, in a file that may hold several."""


def read_credentials(creds: str) -> str:
    """OPTION_INVALID for a file that cannot be read, or holds none."""
    try:
        text = Path(creds).read_text()
    except OSError as error:
        raise MaggyError("OPTION_INVALID", option=f"creds {creds}", reason=describe(error)) from error
    if re.search(BLOCK, text, re.DOTALL) is None:
        raise MaggyError("OPTION_INVALID", option=f"creds {creds}", reason="holds no credentials of NATS")
    return text


def identity_in(creds: str, part: int = 0) -> tuple[str, str]:
    """The role and the name that a file of credentials is of. OPTION_INVALID."""
    name, tags = _claims_in(creds, part)
    roles = [tag.removeprefix("role:") for tag in tags if tag.startswith("role:")]
    return roles[0] if roles else "any", name


def require_served(creds: str, name: str) -> None:
    """IDENTITY_DIFFERS for credentials of an authority of maggy's that are not for a plug-in of this name."""
    user, tags = _claims_in(creds)
    roles = [tag.removeprefix("role:") for tag in tags if tag.startswith("role:")]
    serves = [tag.removeprefix("serves:") for tag in tags if tag.startswith("serves:")]
    if roles and name not in serves:
        remedy = f"maggy auth add-{roles[0]} {user} --serves {name}"
        reason = f"they answer for {', '.join(serves) or 'no name'}, and not for {name}: {remedy}"
        raise MaggyError("IDENTITY_DIFFERS", file=creds, reason=reason)


def _claims_in(creds: str, part: int = 0) -> tuple[str, list[str]]:
    """The name and the tags of a user, unchecked: the server checks them. OPTION_INVALID."""
    try:
        block = re.findall(BLOCK, read_credentials(creds), re.DOTALL)[part]
        payload = block.split()[4].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims["name"]), [str(tag) for tag in (claims.get("nats") or {}).get("tags") or []]
    except (ValueError, KeyError, IndexError) as error:
        raise MaggyError("OPTION_INVALID", option=f"creds {creds}", reason=describe(error)) from error


def split_address(address: str) -> tuple[list[str], dict[str, str]]:
    """The servers without credentials, and the credentials. OPTION_INVALID for a text that is no address."""
    urls: list[str] = []
    credentials: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in address.split(","))):
        url = urllib.parse.urlsplit(part if "://" in part else f"nats://{part}")
        if url.scheme not in ("nats", "tls") or not url.hostname:
            raise MaggyError("OPTION_INVALID", option="server", reason="an address is nats://host:port or tls://host:port")
        urls.append(f"{url.scheme}://{url.hostname}:{url.port or 4222}")
        if url.password:
            credentials = {"user": _unquoted(url.username), "password": _unquoted(url.password)}
        elif url.username:
            credentials = {"token": _unquoted(url.username)}
    if not urls:
        raise MaggyError("OPTION_INVALID", option="server", reason="is empty")
    return urls, credentials


def _unquoted(text: str | None) -> str:
    return urllib.parse.unquote(text or "")


def token_from_file() -> str | None:
    path = os.environ.get("MAGGY_TOKEN_FILE")
    return Path(path).read_text().strip() if path else None


def running_server(folder: str = ".maggy") -> str | None:
    """The address, token included, of the server that runs in a data folder now: what ``maggy server`` wrote there."""
    try:
        told = json.loads((Path(folder) / "server" / "nats-server.json").read_text())
        pid, url = told["pid"], told["url"]
        alive = told["host"] == socket.gethostname() and told["started"] == _start_time(pid)
        os.kill(pid, 0)
    except PermissionError:  # it is there, and belongs to somebody else
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return url if alive and isinstance(url, str) else None


def _start_time(pid: int) -> str:
    """In clock ticks since boot, where the system tells it; the same as src/setup/process-identity.ts."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = stat[stat.rindex(")") + 2 :].split(" ")
    return "gone" if fields[0] == "Z" else fields[19]
