"""What is fuzzed: each target takes any bytes and either reads them or refuses them in its own words.

A find is anything else: another exception, more than ten seconds or two gigabytes, or a promise that does not hold.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import pickle
import socket
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from importer.errors import ImporterError

ROOT = Path(__file__).resolve().parents[3]
KEY = "ab" * 32


@dataclass(frozen=True)
class Target:
    """run: the bytes. seeds: what mutations begin with. modules: what is watched for coverage."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]
    modules: tuple[str, ...]
    longest: int = 4096


def read_zip(data: bytes) -> None:
    """What our reader accepts, Python's own reader sees in the canonical copy, byte for byte."""
    from importer.sources.zip_archive import ZipArchive, write_copy

    try:
        archive = ZipArchive(io.BytesIO(data), "fuzz")
        content = {name: archive.read(name, 1 << 20) for name in archive.members}
        copy = io.BytesIO()
        write_copy(archive, copy, {})
    except ImporterError as error:
        refuse_only(error, "FILE_DAMAGED", "ARCHIVE_INVALID")
        return
    with zipfile.ZipFile(copy) as other:
        assert {name: other.read(name) for name in other.namelist()} == content


def read_pickle(data: bytes) -> None:
    from importer.sources.inert_values import entries, members, tensor_info
    from importer.sources.pickle_reader import Unreadable, scan, walk

    try:
        found = scan(data)
    except Unreadable:
        return
    for value in walk(found.value):
        tensor_info(value)
        members(value)
    entries(found.value)
    assert all(isinstance(name, str) for name in found.beyond_tensors)


def recognise_file(data: bytes) -> None:
    """Of every kind, also a safetensors header and a pickle without an archive."""
    from importer.sources.file_kind import recognise

    try:
        recognise(_written(data, "net.pt"))
    except ImporterError as error:
        refuse_only(error)


def read_program(data: bytes) -> None:
    from importer.program import metadata
    from importer.program.graph import graph

    path = _written(data, "net.pte")
    try:
        described = metadata.inspect(path)
        graph(path)
    except ImporterError as error:
        refuse_only(error, "PTE_INVALID", "FILE_DAMAGED")
        return
    json.dumps(described, allow_nan=False)


def read_tokenizer(data: bytes) -> None:
    """A SentencePiece model or tiktoken's ranks: what converts is JSON."""
    from importer.tokenizers import ranks, sentencepiece
    from importer.tokenizers.encodings import ENCODINGS
    from importer.tokenizers.sentencepiece_model import read_model

    try:
        if ranks.is_rank_file(data):
            made = ranks.convert(ranks.read_ranks(data), ENCODINGS["gpt2"])
        else:
            made = sentencepiece.convert(read_model(data), begin=False, end=False)
    except ImporterError as error:
        refuse_only(error, "TOKENIZER_FILE_INVALID", "TOKENIZER_FILE_UNSUPPORTED", "OPTION_INVALID")
        return
    json.dumps(made, ensure_ascii=False, allow_nan=False).encode()


def read_signature(data: bytes) -> None:
    """Nothing is accepted that this machine did not sign."""
    from importer.cache.entry_signature import check
    from importer.cache.signing_keys import SigningKey

    try:
        files = check(KEY, data, [SigningKey("own", b"k" * 32)])
    except ImporterError as error:
        refuse_only(error, "CACHE_DAMAGED", "CACHE_ENTRY_MISPLACED", "CACHE_ENTRY_FOREIGN", "CACHE_SIGNATURE_WRONG")
        return
    assert files == {"metadata.json": "0" * 64, "model.pte": "1" * 64}, "a forged signature was accepted"


def read_frames(data: bytes) -> None:
    """What a job's child and the editor send."""
    from importer.jobs.messages import Decoder, FrameError

    decoder = Decoder()
    try:
        for begin in range(0, len(data), 7):
            decoder.feed(data[begin : begin + 7])
            while _has_next(decoder):
                pass
        decoder.end()
    except FrameError:
        return


def _has_next(decoder: Any) -> bool:
    from importer.jobs.messages import MessageError

    try:
        return decoder.next() is not None
    except MessageError:
        return True


def read_http(data: bytes) -> None:
    """The MCP server's connections: nothing reaches the application without the token, and nothing is left open."""
    asyncio.run(_serve(data))


def refuse_only(error: ImporterError, *codes: str) -> None:
    """An error for people, and one of those that are right."""
    assert error.code != "INTERNAL_ERROR" and error.cause and error.remedy, repr(error)
    assert not codes or error.code in codes, error.code


async def _serve(data: bytes) -> None:
    from starlette.responses import PlainTextResponse
    from uvicorn import Config
    from uvicorn.server import ServerState

    from python_backend.mcp_server.access import RequireToken
    from python_backend.mcp_server.http_connections import Connections

    reached: list[Any] = []
    broken: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope)
        await PlainTextResponse("reached")(scope, receive, send)

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: broken.append(context))
    connections = Connections("a token that nobody guesses")
    config = Config(RequireToken(application, connections), ws="none", log_level="critical", lifespan="off")
    config.load()
    ours, theirs = socket.socketpair()
    state = ServerState()
    transport, _ = await loop.connect_accepted_socket(
        lambda: connections.protocol(config=config, server_state=state, app_state={}), ours
    )
    theirs.setblocking(False)
    await loop.sock_sendall(theirs, data[:60_000])
    theirs.shutdown(socket.SHUT_WR)
    for _ in range(5):
        await asyncio.sleep(0)
    transport.abort()
    await asyncio.gather(*state.tasks, return_exceptions=True)
    theirs.close()
    assert not reached, "a request without the token reached the application"
    assert not broken, broken


def _written(data: bytes, name: str) -> Path:
    path = Path(_folder.name) / name
    path.write_bytes(data)
    return path


_folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)


def _zips() -> Iterator[bytes]:
    for method, names in ((0, ["a/data.pkl", "a/version"]), (8, ["archive_format", "models/model.json"]), (0, [])):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", method) as archive:
            for name in names:
                archive.writestr(name, f"{name}\n" * 9)
        yield made.getvalue()


def _pickles() -> Iterator[bytes]:
    values: list[Any] = [{"a": [1, 2.5, None, True], "b": (b"x", "y", {3})}, {"w": {"deep": [[]] * 3}}, struct.Struct]
    for protocol in (0, 2, 4, 5):
        yield from (pickle.dumps(value, protocol) for value in values)


def _files() -> Iterator[bytes]:
    yield from _zips()
    yield from _pickles()
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "__metadata__": {"a": "b"}})
    yield struct.pack("<Q", len(header)) + header.encode() + b"\0" * 4
    yield bytes.fromhex("80028a0a6cfc9c46f920") + pickle.dumps({"a": 1}, 2)
    yield b"\x30\0\0\0ET12" + b"\0" * 60
    yield b"\x30\0\0\0FT01" + b"\0" * 60


def _programs() -> Iterator[bytes]:
    for path in sorted((ROOT / ".cache" / "test_models").glob("*/*.pte")):
        if path.stat().st_size < 8192:
            yield path.read_bytes()


def _tokenizers() -> Iterator[bytes]:
    from sentencepiece.sentencepiece_model_pb2 import ModelProto

    for kind in (1, 2):
        model = ModelProto()
        model.trainer_spec.model_type = kind
        model.normalizer_spec.precompiled_charsmap = b"\4\0\0\0\0\0\0\0x\0"
        for number, text in enumerate(["<unk>", "<s>", "\u2581", "a", "b", "ab", "<sep>"]):
            model.pieces.add(piece=text, score=-number, type={0: 2, 1: 3, 6: 4}.get(number, 1))
        yield model.SerializeToString()
    yield b"".join(base64.b64encode(bytes([byte])) + b" %d\n" % byte for byte in range(256)) + b"QUI= 256\n"


def _signatures() -> Iterator[bytes]:
    from importer.cache.entry_signature import sign
    from importer.cache.signing_keys import SigningKey

    yield sign(KEY, {"metadata.json": "0" * 64, "model.pte": "1" * 64}, [SigningKey("own", b"k" * 32)])


def _frames() -> Iterator[bytes]:
    from importer.jobs.messages import encode

    yield encode({"jsonrpc": "2.0", "id": 1, "method": "status"}) + encode({"a": [1.5, None, "x"]})


def _requests() -> Iterator[bytes]:
    body = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}'
    head = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer wrong\r\n"
    yield head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    yield head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    yield b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" * 2


TARGETS = {
    "zip": Target(read_zip, _zips, ("importer.sources.zip_archive",)),
    "pickle": Target(read_pickle, _pickles, ("importer.sources.pickle_reader", "pickletools")),
    "recognise": Target(recognise_file, _files, ("importer.sources",)),
    "program": Target(read_program, _programs, ("importer.program",), 8192),
    "tokenizer": Target(read_tokenizer, _tokenizers, ("importer.tokenizers", "importer.sources.protobuf")),
    "signature": Target(read_signature, _signatures, ("importer.cache.entry_signature", "json")),
    "frames": Target(read_frames, _frames, ("importer.jobs.messages", "json")),
    "http": Target(read_http, _requests, ("python_backend.mcp_server.http_connections", "h11", "uvicorn.protocols")),
}
