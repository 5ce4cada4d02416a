"""The start of a new process, by the path of this file: `start.py job NICENESS`,
`start.py warm DESCRIPTOR NICENESS MODULE` or `start.py proof FOLDER`.

By its path, because `-m` and `-c` would put the working folder first in sys.path: a game's or a download's `json.py`
would be run.
"""

import sys

if __name__ == "__main__":
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]  # this folder, whose names must not be taken for the standard library's
    # Before anything else is imported: the root of our packages.
    sys.path.insert(0, __file__.replace("\\", "/").rpartition("/importer/jobs/")[0])
    import signal

    # Ctrl+C in a terminal reaches every process: the one that started this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux" and sys.argv[1] == "warm":
        from importer.jobs import warm_server

        warm_server.serve(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    elif sys.argv[1] == "proof":
        from pathlib import Path

        from importer.proof import child_main

        child_main.run(Path(sys.argv[2]))
    else:
        from importer.jobs import child

        child.run_started(int(sys.argv[2]))
