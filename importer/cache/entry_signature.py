"""The signature of a cache entry: it covers the key and the SHA-256 of every file, the metadata included.

The editor's GDScript checks the same: docs/architecture.md, "Artifact".
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any

from importer.cache.signing_keys import SigningKey
from importer.errors import ImporterError

SIGNATURE = "signature.json"
MAX_BYTES = 64 * 1024
_FORMAT = 1
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def sign(key: str, files: dict[str, str], keys: list[SigningKey]) -> bytes:
    """The content of `signature.json`. files: name -> sha256 (hex). Raises ValueError for a name with a path."""
    statement = _statement(key, files)
    signatures = {signer.id: _mac(signer, statement) for signer in keys}
    return json.dumps({"format": _FORMAT, "key": key, "files": files, "signatures": signatures}, indent=1).encode()


def check(key: str, content: bytes, keys: list[SigningKey]) -> dict[str, str]:
    """Name -> sha256 (hex) of the files of `key` that were signed with a key of this machine.

    Raises CACHE_ENTRY_MISPLACED, CACHE_ENTRY_FOREIGN, CACHE_SIGNATURE_WRONG, or CACHE_DAMAGED for no such content.
    """
    try:
        stated, files, signatures = _parse(content)
        statement = _statement(stated, files)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        cause = f"{SIGNATURE} of the cache entry {key} cannot be read."
        raise ImporterError("CACHE_DAMAGED", cause, REMEDY) from error
    if stated != key:
        cause = f"What lies under {key[:12]} in the cache was signed for {stated[:12]}: somebody put it there."
        raise ImporterError("CACHE_ENTRY_MISPLACED", cause, REMEDY)
    held = [signer for signer in keys if signer.id in signatures]
    if not held:
        cause = f"The cache entry {key} was signed with a key that this machine does not have."
        raise ImporterError("CACHE_ENTRY_FOREIGN", cause, f"Ask the team for its key. {REMEDY}")
    if not any(hmac.compare_digest(_mac(signer, statement), signatures[signer.id]) for signer in held):
        cause = f"The cache entry {key} was changed after it was signed."
        raise ImporterError("CACHE_SIGNATURE_WRONG", cause, REMEDY)
    return files


REMEDY = "Convert the model again with Python. Remove the entry if you do not know where it is from."


def _parse(content: bytes) -> tuple[str, dict[str, str], dict[str, str]]:
    found: dict[str, Any] = json.loads(content)
    if found["format"] != _FORMAT or len(content) > MAX_BYTES:
        raise ValueError("another format")
    for table in (found["files"], found["signatures"]):
        if not all(isinstance(text, str) for pair in table.items() for text in pair):
            raise ValueError("not text")
    if not all(_SHA256.fullmatch(text) for text in (found["key"], *found["files"].values())):
        raise ValueError("not a hash")
    signatures = {name: mac for name, mac in found["signatures"].items() if _SHA256.fullmatch(mac)}
    return found["key"], found["files"], signatures


def _statement(key: str, files: dict[str, str]) -> bytes:
    for name in files:
        if not _FILE_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a file")
    lines = ["executorch-cache-entry", key, *sorted(f"{name}={sha256}" for name, sha256 in files.items())]
    return "\n".join(lines).encode()


def _mac(signer: SigningKey, statement: bytes) -> str:
    return hmac.new(signer.secret, statement, hashlib.sha256).hexdigest()
