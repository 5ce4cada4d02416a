"""Where the time of a call goes, from one of ExecuTorch's event dumps (`etdump_schema_flatcc.fbs`). No torch."""

from __future__ import annotations

from pathlib import Path
from struct import Struct

from importer.flatbuffer import Malformed, Region

DELEGATES = "delegates"
_U32, _U64 = Struct("<I"), Struct("<Q")
_KERNEL = "native_call_"


def read(path: Path) -> dict[str, int]:
    """Nanoseconds by operator (`add.out`), and all of the delegates' under DELEGATES; the first call is left out, as
    it warms up. Empty when the dump cannot be read."""
    data = path.read_bytes()
    calls: list[dict[str, int]] = []
    try:
        if data[8:12] != b"ED00":
            return {}
        (size,) = _U32.unpack_from(data, 0)
        for run in Region(data, 4, size, len(data)).root().tables(1):
            times: dict[str, int] = {}
            is_call = False
            for item in run.tables(3):
                event = item.table(0)
                if event is None:
                    continue
                name = event.text(0)
                is_call = is_call or name == "Method::execute"
                if name == "DELEGATE_CALL" or name.startswith(_KERNEL):
                    key = DELEGATES if name == "DELEGATE_CALL" else name.removeprefix(_KERNEL)
                    times[key] = times.get(key, 0) + event.number(7, _U64) - event.number(6, _U64)
            if is_call:
                calls.append(times)
    except Malformed:
        return {}
    total: dict[str, int] = {}
    for times in calls[1:]:
        for name, time in times.items():
            total[name] = total.get(name, 0) + time
    return total
