"""`python -m importer`: convert, inspect, compare, sweep, cache. Every command has --help."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from importer.errors import ImporterError
from importer.options import RECIPES, RECURRENT, ImportOptions


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns 0, 1 when a file failed, 2 for wrong words, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="python -m importer", description="PyTorch models as ExecuTorch programs.")
    commands = parser.add_subparsers(dest="command", required=True)
    for add in (_add_convert, _add_inspect, _add_compare, _add_sweep, _add_cache):
        add(commands)
    chosen = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = chosen.run
    try:
        return run(chosen)
    except ImporterError as error:
        print(f"error {error.code}: {error.cause}\n  {error.remedy}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1


def _add_convert(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("convert", help="convert model files")
    parser.add_argument("sources", nargs="+", type=Path, metavar="IN")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="where the .pte and .tres go")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="how many files at once")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    add_options(parser)
    parser.set_defaults(run=_convert)


def _add_inspect(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("inspect", help="what is in a .pte; in milliseconds, without torch")
    parser.add_argument("file", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=_inspect)


def _add_compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("compare", help="results, size and speed of two programs")
    parser.add_argument("first", type=Path, metavar="A.pte")
    parser.add_argument("second", type=Path, metavar="B.pte")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=_compare)


def _add_sweep(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("sweep", help="convert with every recipe: size, speed and accuracy side by side")
    parser.add_argument("source", type=Path, metavar="IN")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw the table")
    parser.add_argument("--json", action="store_true")
    add_options(parser)
    parser.set_defaults(run=_sweep)


def _add_cache(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("cache", help="list, prune or verify the artifact cache")
    parser.add_argument("action", choices=["list", "prune", "verify"])
    parser.add_argument("--cache", default="", help="the cache's folder or fsspec address")
    parser.add_argument("--limit-megabytes", type=int, default=1024, help="for prune: the size to keep")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=_cache)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The import options as words of the command line, with the same names."""
    choices = {"recipe": RECIPES, "recurrent": RECURRENT}
    group = parser.add_argument_group("import options")
    for field in fields(ImportOptions):
        name = "--" + field.name.replace("_", "-")
        if isinstance(field.default, bool):
            group.add_argument(name, action="store_true")
        else:
            group.add_argument(name, type=type(field.default), default=field.default, choices=choices.get(field.name))
    group.add_argument("--dynamic", action="append", default=[], metavar="INPUT[AXIS]=MIN..MAX")
    parser.add_argument("--project", type=Path, help="the folder that res:// means")
    parser.add_argument("--cache", default="", help="the cache's folder or fsspec address")
    parser.add_argument(
        "--allow-pickle", action="append", default=[], metavar="SHA256", help="a file whose code may run"
    )


def _convert(chosen: argparse.Namespace) -> int:
    from importer.convert_command import run

    return run(chosen)


def _inspect(chosen: argparse.Namespace) -> int:
    from importer.metadata import inspect

    found = inspect(chosen.file)
    if chosen.json:
        print(json.dumps(found, indent=1))
    else:
        from importer.tables import print_metadata

        print_metadata(found)
    return 0


def _compare(chosen: argparse.Namespace) -> int:
    from importer.compare_command import run

    return run(chosen)


def _sweep(chosen: argparse.Namespace) -> int:
    from importer.sweep_command import run

    return run(chosen)


def _cache(chosen: argparse.Namespace) -> int:
    from importer.cache_command import run

    return run(chosen)


if __name__ == "__main__":
    sys.exit(main())
