"""The import options as words of the command line, and what is shown during a conversion."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from importer.options import KERNELS, METRICS, RECIPES, RECURRENT, ImportOptions

_CHOICES = {"kernels": KERNELS, "recurrent": RECURRENT}
_HELP = {
    "recipe": ("", "how the program is lowered and quantized; auto: the fastest exact way"),
    "variants": (
        "RECIPES",
        "further programs in the same asset, such as 'xnnpack_int8_static, portable' (default: none)",
    ),
    "inputs": (
        "TEXT",
        "names, dtypes and shapes, such as 'x: float32[1,8]' (default: the file's or factory's example)",
    ),
    "also_outputs": (
        "NAMES",
        "values inside of the graph that the program returns too: 'relu_1, linear' (default: none)",
    ),
    "factory": ("FILE.py:FUNCTION", "the Python function that builds the architecture of weights (default: none)"),
    "factory_arguments": ("JSON", "the factory's arguments, a JSON object (default: none)"),
    "weights": (
        "NAME",
        "which weights of a checkpoint that has several: ema_model (default: averaged before usual ones)",
    ),
    "calibration": ("FOLDER", "samples for int8 recipes: .npy, .npz or images (default: the factory's calibration())"),
    "evaluate": ("DATA", "labelled data for a metric: a folder or a .npz (default: the factory's evaluation())"),
    "metric": ("METRIC", f"{', '.join(METRICS)} or FILE.py:function (default: top1 for classes, else rmse)"),
    "group_size": ("N", "how many int4 weights share a scale, a multiple of 32"),
    "float_layers": (
        "NAMES",
        "layers that are not int8 in an int8 recipe, fp32 or fp16: 'head, features.0: fp16' (default: none)",
    ),
    "kernels": ("", "own: the program may call this project's kernels; stock: any ExecuTorch can run it"),
    "recurrent": ("", "how LSTM and GRU layers are exported"),
    "slice": (
        "MS",
        "cut delegates so that no instruction takes longer here, for submit_sliced, such as 2 (default: none)",
    ),
    "max_absolute_error": ("X", "the largest error that the proof accepts (default: only the relative one counts)"),
    "max_relative_error": ("X", "the same, relative to the largest value of an output (default: the recipe's own)"),
    "deadline_seconds": ("SECONDS", "how long a conversion may take; with --recipe search: the whole search"),
    "memory_limit_megabytes": ("MB", "how much memory a conversion may use; 0: three quarters of this machine's"),
    "external_weights": ("", "store the weights in a .ptd beside the program"),
}


def add_options(parser: argparse.ArgumentParser, recipes: Sequence[str] = RECIPES, without: Sequence[str] = ()) -> None:
    """The import options with the names of ImportOptions, the place of res://, the cache, and permissions. without:
    options that the command does not take."""
    group = parser.add_argument_group("import options")
    for field in fields(ImportOptions):
        if field.name in without:
            continue
        name, (metavar, words) = "--" + field.name.replace("_", "-"), _HELP[field.name]
        if isinstance(field.default, bool):
            group.add_argument(name, action="store_true", help=words)
            continue
        shown = f"{words} (default: {field.default})" if field.default != "" else words
        kind = type(field.default)
        choices = recipes if field.name == "recipe" else _CHOICES.get(field.name)
        group.add_argument(name, type=kind, default=field.default, choices=choices, metavar=metavar or None, help=shown)
    group.add_argument(
        "--dynamic",
        action="append",
        default=[],
        metavar="INPUT[AXIS]=MIN..MAX",
        help="a size of --inputs that varies, such as 'x[0]=1..64' (default: none); may be repeated",
    )
    parser.add_argument("--project", type=Path, metavar="FOLDER", help="the folder that res:// means (default: none)")
    add_cache(parser)
    add_libraries(parser)
    parser.add_argument(
        "--allow-pickle",
        action="append",
        default=[],
        metavar="SHA256",
        help="a file whose code may run, confined (default: none); may be repeated",
    )
    parser.add_argument(
        "--trust-factory",
        action="append",
        default=[],
        metavar="SHA256",
        help="a factory that may reach the network and other folders (default: none); may be repeated",
    )


def add_libraries(parser: argparse.ArgumentParser) -> None:
    """`--library`."""
    words = "a kernel library of the game, as in executorch/runtime/libraries (default: none); may be repeated"
    parser.add_argument("--library", action="append", default=[], type=Path, metavar="LIBRARY", help=words)


def add_cache(parser: argparse.ArgumentParser) -> None:
    """`--cache`."""
    words = "the artifact cache's folder or fsspec address (default: in the user's cache folder)"
    parser.add_argument("--cache", default="", metavar="PLACE", help=words)


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """`--cluster`."""
    words = "the scheduler of a dask cluster, tcp://HOST:8786 or tls://HOST:8786; needs --cache (default: this machine)"
    parser.add_argument("--cluster", default="", metavar="ADDRESS", help=words)


def add_verbosity(parser: argparse.ArgumentParser) -> None:
    """`--quiet`, `--no-progress` and `--verbose`."""
    # --quiet prints no progress either: both may stand together, as in many CI files.
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--quiet", action="store_true", help="print errors only; with --json also the results")
    group.add_argument("--verbose", action="store_true", help="print each step of each file with its time")
    parser.add_argument("--no-progress", action="store_true", help="print the results and no progress")
