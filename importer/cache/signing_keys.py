"""The keys that sign and check entries of the artifact cache. They belong to the person and are never in a project.

HMAC with a shared secret, not Ed25519: both languages have it built in, and with a public key inside of a project
the project's author could sign any entry beside it. Whoever holds a team's key can sign for the team.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from importer.cache.user_folders import user_config_folder
from importer.errors import ImporterError

VARIABLE = "EXECUTORCH_CACHE_SIGNING_KEY"
OWN = "own"
_FILE = "cache_signing_keys.txt"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECRET = re.compile(r"[0-9a-fA-F]{64}")
_HEAD = "# Keys that sign and check the artifact cache of ExecuTorch models. Keep this file to yourself.\n"


@dataclass(frozen=True)
class SigningKey:
    """name: `own`, a team's, or the variable's. secret: 32 bytes."""

    name: str
    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """16 hexadecimal digits; the secret cannot be computed from them."""
        return hmac.new(self.secret, b"executorch-cache-key-id", hashlib.sha256).hexdigest()[:16]


def key_file() -> Path:
    """A line for each key: its name and its secret in hex. The editor's GDScript reads it too."""
    return user_config_folder() / _FILE


def known_keys() -> list[SigningKey]:
    """The variable's key, then the file's. Raises SIGNING_KEY_INVALID."""
    found = []
    if text := os.environ.get(VARIABLE, "").strip():
        found.append(SigningKey(VARIABLE, _secret(text, f"the environment variable {VARIABLE}")))
    try:
        lines = key_file().read_text(encoding="utf-8").splitlines()
    except (OSError, RuntimeError):  # a machine without a home
        return found
    except UnicodeDecodeError as error:
        raise _invalid(str(key_file())) from error
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            name, _, text = line.strip().partition(" ")
            found.append(SigningKey(name, _secret(text.strip(), f"line {number} of {key_file()}")))
    return found


def signing_keys() -> list[SigningKey]:
    """`known_keys`; a person without one gets a key of their own. An entry is signed with each of them."""
    keys = known_keys()
    if not keys:
        _write({OWN: secrets.token_bytes(32)}, first=True)
        keys = known_keys()
    return keys


def add_key(name: str, text: str) -> SigningKey:
    """Keep a team's key. Raises SIGNING_KEY_INVALID, also when there is a key of this name."""
    if not _NAME.fullmatch(name) or name == OWN:
        cause = f"'{name:.80}' cannot be the name of a team's key."
        raise ImporterError("SIGNING_KEY_INVALID", cause, "Use letters, digits and .-_ ; 'own' is your own key.")
    stored = _stored()
    if name in stored:
        cause = f"There is a key '{name}' in {key_file()}."
        raise ImporterError("SIGNING_KEY_INVALID", cause, f"Run `python3 -m importer cache key remove {name}` first.")
    key = SigningKey(name, _secret(text.strip(), "what was given"))
    _write({**stored, name: key.secret})
    return key


def remove_key(name: str) -> None:
    """Forget a key; entries that only it signed are foreign from now on. Raises SIGNING_KEY_INVALID."""
    stored = _stored()
    if name not in stored:
        cause = f"There is no key '{name:.80}' in {key_file()}."
        raise ImporterError("SIGNING_KEY_INVALID", cause, "Run `python3 -m importer cache key list`.")
    del stored[name]
    _write(stored)


def _stored() -> dict[str, bytes]:
    return {key.name: key.secret for key in known_keys() if key.name != VARIABLE}


def _write(keys: dict[str, bytes], first: bool = False) -> None:
    """first: only when there is no file yet; of two processes one makes the key and both use it."""
    target = key_file()
    text = _HEAD + "".join(f"{name} {secret.hex()}\n" for name, secret in keys.items())
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # readable by this user only
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if first:
                with contextlib.suppress(FileExistsError):
                    os.link(name, target)
            else:
                Path(name).replace(target)
        finally:
            Path(name).unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:
        cause = f"The key that signs cache entries cannot be kept in {target}: {error}."
        remedy = f"Make that folder writable, or set {VARIABLE} to 64 hexadecimal digits."
        raise ImporterError("SIGNING_KEY_NOT_STORED", cause, remedy, "store") from error


def _secret(text: str, place: str) -> bytes:
    if not _SECRET.fullmatch(text):
        raise _invalid(place)
    return bytes.fromhex(text)


def _invalid(place: str) -> ImporterError:
    # The text itself stays out: it may be a mistyped secret.
    cause = f"The cache's signing key in {place} is not 64 hexadecimal digits."
    return ImporterError("SIGNING_KEY_INVALID", cause, "Copy the key again, or make one: `cache key new NAME`.")
