"""`python -m importer`: converts models and tokenizers, compares and evaluates programs. Every command has --help."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # Before any other import: the working folder (with `-m`) or this one (by its path) comes first in the path, and a
    # file `json.py` there must not be taken for Python's.
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]
    import os

    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120

    from importer.utf8_mode import restart_in_utf8_mode

    restart_in_utf8_mode()

import argparse
from collections.abc import Callable
from pathlib import Path

from importer.cli.option_arguments import add_cache, add_cluster, add_libraries, add_options, add_verbosity
from importer.cli.output import Parser, print_json, status_of
from importer.jobs import game_libraries
from importer.options import METRICS, RECIPES, SEARCH


def main(arguments: list[str] | None = None, name: str = "python -m importer") -> int:
    """Run one command; `name` is what it is called by. Returns its exit status: 0, 2 for invalid arguments and missing
    files, 3 when a condition or the accuracy fails, 4 when a file is refused, 5 when the environment fails, 130 when
    interrupted."""
    parser = Parser(prog=name, description="PyTorch models as ExecuTorch programs.")
    commands = parser.add_subparsers(dest="command", required=True)
    models = (_add_convert, _add_inspect, _add_compare, _add_evaluate, _add_sweep)
    for add in (*models, _add_tokenizer, _add_cache, _add_approve):
        add(commands)
    chosen = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = chosen.run

    def command() -> int:
        game_libraries.use(getattr(chosen, "library", []))
        return run(chosen)

    return status_of(command, getattr(chosen, "json", False))


def _add_convert(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = commands.add_parser("convert", help="convert model files")
    parser.add_argument("sources", nargs="*", type=Path, metavar="IN", help="model files")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help="the folder for the programs, or NAME.pte for one file (default: with --config its own)",
    )
    parser.add_argument(
        "--config", type=Path, metavar="TOML", help="the models that a file lists (default: those of the command line)"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="how many files at once (default: 1)")
    add_cluster(parser)
    words = 'with --recipe search: "top1 drop < 0.5%%, smallest", or "..., fastest" (default: no search)'
    parser.add_argument("--target", default="", metavar="TARGET", help=words)
    parser.add_argument(
        "--plot", type=Path, metavar="PNG", help="with --recipe search: draw the candidates and the front (default: no)"
    )
    words = "exit status 3 when git does not have a program that was written (default: git is not asked)"
    parser.add_argument("--in-git", action="store_true", help=words)
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    add_verbosity(parser)
    add_options(parser, (*RECIPES, SEARCH))
    parser.set_defaults(run=_convert)


def _add_inspect(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = commands.add_parser("inspect", help="show what a .pte contains, in milliseconds and without torch")
    parser.add_argument("file", type=Path, metavar="FILE.pte", help="the program")
    parser.add_argument("--json", action="store_true", help="print the metadata as JSON")
    parser.set_defaults(run=_inspect)


def _add_compare(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = commands.add_parser("compare", help="compare results, size and speed of two programs")
    parser.add_argument("first", type=Path, metavar="A.pte", help="the program that the other is compared with")
    parser.add_argument("second", type=Path, metavar="B.pte", help="the other program")
    words = "labelled data: a .npz or a folder (default: made-up inputs, and no metric)"
    parser.add_argument("--inputs", type=Path, metavar="DATA", help=words)
    _add_judgement(parser, '"top1 drop > 0.5%%" or "slower > 10%%, size > 2 MB"')
    parser.set_defaults(run=_compare)


def _add_evaluate(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = commands.add_parser("evaluate", help="a metric of programs on your own labelled data")
    parser.add_argument("programs", nargs="+", type=Path, metavar="FILE.pte", help="the programs")
    words = "labelled data: a .npz with an array for each input and `target`, or a folder of such files or of pictures"
    parser.add_argument("--inputs", type=Path, required=True, metavar="DATA", help=words)
    _add_judgement(parser, '"top1 < 90%%" or "rmse > 0.2, size > 2 MB"')
    parser.set_defaults(run=_evaluate)


def _add_judgement(parser: argparse.ArgumentParser, example: str) -> None:
    """`--metric`, `--fail-if`, `--json`, `--quiet` and `--library`."""
    words = f"{', '.join(METRICS)} or FILE.py:function (default: top1 for classes, else rmse)"
    parser.add_argument("--metric", default="", metavar="METRIC", help=words)
    words = f"such as {example}; exit status 3 when it holds (default: none); may be repeated"
    parser.add_argument("--fail-if", action="append", default=[], metavar="CONDITION", help=words)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--quiet", action="store_true", help="print the conditions that hold, and errors, only")
    add_libraries(parser)


def _add_sweep(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = commands.add_parser("sweep", help="convert with every recipe: size, speed and accuracy side by side")
    parser.add_argument("source", type=Path, metavar="IN", help="the model file")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw the table (default: no)")
    add_cluster(parser)
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    add_verbosity(parser)
    add_options(parser, without=("recipe", "variants", "float_layers"))
    parser.set_defaults(run=_sweep, recipe="auto", variants="", float_layers="")


def _add_tokenizer(commands: argparse._SubParsersAction[Parser]) -> None:
    from importer.cli import tokenizer

    words = "turn a file of SentencePiece or tiktoken into a tokenizer.json"
    parser = commands.add_parser("tokenizer", help=words)
    tokenizer.add_arguments(parser)
    parser.set_defaults(run=tokenizer.run)


def _add_cache(commands: argparse._SubParsersAction[Parser]) -> None:
    actions = commands.add_parser("cache", help="the artifact cache, and the keys that sign it").add_subparsers(
        dest="action", required=True
    )
    for name, words in (
        ("list", "what is in it"),
        ("prune", "remove the entries that were not used for the longest time"),
        ("verify", "read every entry and show which are refused"),
    ):
        parser = actions.add_parser(name, help=words)
        add_cache(parser)
        parser.add_argument("--json", action="store_true", help="print the entries as JSON")
        if name == "prune":
            words = "the size to keep (default: 1024)"
            parser.add_argument("--limit-megabytes", type=int, default=1024, metavar="MB", help=words)
        parser.set_defaults(run=_cache)
    _add_cache_keys(actions)


def _add_cache_keys(actions: argparse._SubParsersAction[Parser]) -> None:
    parser = actions.add_parser("key", help="keys that sign and check entries of a shared cache")
    keys = parser.add_subparsers(dest="key_action", required=True)
    for name, words in (
        ("list", "the names of the keys that this machine has"),
        ("new", "make a team's key, keep it here and print it"),
        ("add", "keep a team's key, read from the terminal or stdin"),
        ("remove", "forget a key"),
    ):
        key = keys.add_parser(name, help=words)
        if name != "list":
            key.add_argument("name", help="the team's name")
        key.set_defaults(run=_cache_key)


def _add_approve(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = commands.add_parser("approve", help="let a factory run where no sandbox works; kept on this machine")
    parser.add_argument("sha256", help="the hash in the error FACTORY_NEEDS_APPROVAL")
    parser.set_defaults(run=_approve)


def _approve(chosen: argparse.Namespace) -> int:
    from importer.jobs.approvals import approval_file, approve

    approve(chosen.sha256)
    print(f"Kept in {approval_file()}.")
    return 0


def _convert(chosen: argparse.Namespace) -> int:
    from importer.cli.convert import run

    return run(chosen)


def _inspect(chosen: argparse.Namespace) -> int:
    from importer.jobs.reading import read
    from importer.jobs.starting import Spawn

    found = read("inspect_program", [chosen.file], Spawn())
    if chosen.json:
        print_json("inspect", found)
    else:
        from importer.cli.print_metadata import print_metadata

        print_metadata(found)
    return 0


def _compare(chosen: argparse.Namespace) -> int:
    from importer.cli.compare import run

    return run(chosen)


def _evaluate(chosen: argparse.Namespace) -> int:
    from importer.cli.evaluate import run

    return run(chosen)


def _sweep(chosen: argparse.Namespace) -> int:
    from importer.cli.sweep import run

    return run(chosen)


def _cache(chosen: argparse.Namespace) -> int:
    from importer.cli.cache import run

    return run(chosen)


def _cache_key(chosen: argparse.Namespace) -> int:
    from importer.cli import cache

    actions = {
        "list": cache.list_keys,
        "new": cache.new_key,
        "add": cache.add_known_key,
        "remove": cache.remove_known_key,
    }
    return actions[chosen.key_action](chosen)


if __name__ == "__main__":
    sys.exit(main())
