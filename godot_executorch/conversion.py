"""A module, an exported program or a file becomes a proved program."""

from __future__ import annotations

import math
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from godot_executorch import limits, of_file
from godot_executorch.artifact import Artifact, of_entry
from godot_executorch.data import Data, calibration_folder, evaluation_folder
from godot_executorch.environment import with_errors_of_python
from godot_executorch.exported import exported, inputs_of_script, save, shapes_as_text
from godot_executorch.qat import Trainable
from godot_executorch.recipe import Recipe
from godot_executorch.training import with_training
from importer.cache.cache import Cache
from importer.cache.cache_key import hash_file
from importer.cache.user_folders import user_cache_folder
from importer.errors import ImporterError
from importer.inputs.arguments import without_wrappers
from importer.jobs.conversion import Job, convert_in_child
from importer.options import SEARCH, ImportOptions, metric_problems
from importer.owned_folders import owned_folder, temporary_folder
from importer.pipeline import prepare
from importer.progress import Progress
from importer.scheduling.local import LocalScheduler
from importer.scheduling.work import Conversion
from importer.search.candidates import Candidate
from importer.search.run import search
from importer.sources.early_checks import check_options

_ANY_ERROR = "1e30"  # how bad the untrained program is, the evaluation says
Model = torch.nn.Module | ExportedProgram | str | Path | Callable[..., torch.nn.Module]


@with_errors_of_python
def convert(
    model: Model,
    example_inputs: Any = None,
    *,
    recipe: str | Recipe = "auto",
    variants: Sequence[str] = (),
    calibration: Data | None = None,
    evaluate: Data | None = None,
    metric: str = "",
    target: str = "",
    dynamic_shapes: Any = None,
    factory: str = "",
    options: Mapping[str, Any] | None = None,
    name: str = "",
    project: str | Path | None = None,
    cache: str | Path = "",
    allow_pickle: bool = False,
    deadline_seconds: float = 600,
    memory_limit_megabytes: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
    cancelled: threading.Event | None = None,
) -> Artifact:
    """Convert a model in a supervised, confined process, and prove it against eager PyTorch.

    model: a module or TorchScript (it is copied, and exported in eval mode), an ExportedProgram, the path of a file, a
        function without arguments that makes a module, the place of such a function as `file.py:name` (it runs in this
        process; the file's example_inputs(), calibration() and evaluation() are used unless they are given here), or
        what `prepare_qat` returned, trained. The last has its own inputs and recipe; with `evaluate` the metadata has
        what the training gained.
    example_inputs: for a module the arguments of one call: a tensor, a tuple, a dictionary of names; the text of the
        import option `inputs`, such as `x: float32[N:1..64,8]`; or shapes of float32 inputs: a torch.Size, several, or
        a dictionary of names. For a file only a text or shapes. An ExportedProgram has its own. The program's inputs
        are in the order of forward's parameters.
    recipe: a name of docs/importer.md, "Recipes", or a `Recipe` with options; `auto` takes the fastest exact one;
        `search` finds the smallest or fastest program that reaches `target` on `evaluate`, within `deadline_seconds`.
    variants: recipes of further programs in the same artifact, of which a game chooses one.
    calibration: real inputs for a static int8 recipe, 20 to 200 samples: a folder, an array or a dictionary of them
        (one batch), or an iterable of batches, such as a DataLoader.
    evaluate: held-out data: a folder or `.npz` (docs/python.md), a pair of arrays `(inputs, target)`, or an iterable of
        such batches. Without names of inputs their order counts.
    metric: top1, top5, iou, cosine, mae, rmse or `FILE.py:function`; empty: top1 for classes, else rmse.
    target: with recipe `search`: `top1 drop < 0.5%, smallest` or `..., fastest`. The artifact's metadata has what was
        tried (`search`).
    dynamic_shapes: as torch.export takes them, for a module.
    factory: `file.py:function`, for a file that holds only weights.
    options: further import options by name.
    name: of the model in its metadata; default: of its class or file.
    project: the folder that `res://` stands for in options.
    cache: the artifact cache's folder or fsspec address; default: the user's own.
    allow_pickle: this file may run the code that its pickle names, confined.
    deadline_seconds, memory_limit_megabytes: of the whole conversion; a fraction of a second counts as one; 0
        megabytes: three quarters of the machine's.
    on_progress: called with the stage, a fraction of 0 to 1 and the seconds since the beginning.
    cancelled: an event; when it is set the conversion ends with CANCELLED.

    Raises ConversionError with code, cause and remedy (docs/errors.md).
    """
    if isinstance(recipe, Recipe):
        options = {**recipe.options(), **(options or {})}
        recipe = recipe.name
    if isinstance(model, (str, Path)) and (text := of_file.place(str(model))):
        rest = dict(options or {})
        arguments = str(rest.pop("factory_arguments", ""))
        with of_file.made(text, arguments, Path(project).absolute() if project else None) as made:
            return convert(
                made.module, made.example_inputs if example_inputs is None else example_inputs,
                recipe=recipe, variants=variants, metric=metric, target=target, options=rest, project=project,
                calibration=made.calibration if calibration is None else calibration,
                evaluate=made.evaluation if evaluate is None else evaluate,
                dynamic_shapes=made.dynamic_shapes if dynamic_shapes is None else dynamic_shapes,
                factory=factory, name=name or made.name, cache=cache, deadline_seconds=deadline_seconds,
                memory_limit_megabytes=memory_limit_megabytes, on_progress=on_progress, cancelled=cancelled,
            )  # fmt: skip
    if callable(model) and not isinstance(model, (torch.nn.Module, ExportedProgram)):
        made_by = str(getattr(model, "__name__", ""))
        name = name or (made_by if made_by.isidentifier() else "")
        model = _made(model)
    model = without_wrappers(model)
    for problem in metric_problems(metric):  # before the data is written for it
        raise ImporterError("OPTION_INVALID", problem.cause, problem.remedy, "read")
    if bool(target) != (recipe == SEARCH):
        cause = "`target` and recipe 'search' belong together."
        raise ImporterError("OPTION_INVALID", cause, "Give both, as in target='top1 drop < 0.5%, smallest'.", "read")
    with owned_folder(temporary_folder(), "convert") as private:
        given: dict[str, Any] = {
            "recipe": "auto" if recipe == SEARCH else recipe,
            "variants": variants if isinstance(variants, str) else ", ".join(variants),
            "factory": factory,
            "metric": metric,
            "deadline_seconds": math.ceil(limits.seconds(deadline_seconds, 600)),
            "memory_limit_megabytes": memory_limit_megabytes,
            **(options or {}),
        }
        root = Path(project).absolute() if project else None
        if calibration is not None:
            given["calibration"] = calibration_folder(calibration, private / "calibration")
        if evaluate is not None:
            given["evaluate"] = evaluation_folder(evaluate, private / "evaluation")
        before: Path | None = None
        if isinstance(model, Trainable):
            if example_inputs is not None or dynamic_shapes is not None:
                cause = "A network of `prepare_qat` has its own inputs and ranges."
                raise ImporterError("OPTION_INVALID", cause, "Leave out example_inputs and dynamic_shapes.", "read")
            name = name or model.name
            given |= model.options
            source, before = _saved(private, name, model, recipe)
            given["recipe"] = "auto" if model.is_quantized else model.recipe
        elif isinstance(model, (str, Path)):
            source = Path(model)
            if example_inputs is not None:
                given["inputs"] = _text(example_inputs)
        elif isinstance(model, torch.jit.ScriptModule):
            name = name or model.original_name.lower()
            source = private / f"{name}.pt"
            given["inputs"] = given.get("inputs") or inputs_of_script(model, example_inputs, dynamic_shapes)
            torch.jit.save(model, source)
        else:
            name = name or _name(model)
            source = private / f"{name}.pt2"
            save(exported(model, example_inputs, dynamic_shapes), source)
        chosen = ImportOptions.from_mapping(given)
        store = Cache(str(cache) or user_cache_folder() / "artifacts")
        if recipe == SEARCH:
            return _search(source, chosen, target, root, store, allow_pickle, on_progress, cancelled)
        found = _convert(source, name, chosen, root, store, allow_pickle, on_progress, cancelled)
        if not isinstance(model, Trainable) or before is None or evaluate is None:
            return found

        def quantized() -> Artifact:
            options = replace(chosen, recipe=model.recipe, max_relative_error=_ANY_ERROR)
            return _convert(before, name, options, root, store, False, on_progress, cancelled)

        return with_training(found, quantized, model.recipe, chosen, root)


def _saved(private: Path, name: str, model: Trainable, recipe: str) -> tuple[Path, Path]:
    """The trained network and the one before the training, as files. Raises QAT_RECIPE_DIFFERS and QAT_NOT_TRAINED."""
    if recipe not in ("auto", model.recipe):
        cause = f"The network was trained for the recipe {model.recipe}, not for {recipe}."
        raise ImporterError("QAT_RECIPE_DIFFERS", cause, f"Use recipe='{model.recipe}', or prepare it for {recipe}.")
    found = private / f"{name}.pt2", private / "before" / f"{name}.pt2"
    found[1].parent.mkdir()
    save(model.trained(), found[0])
    save(model.before, found[1])
    return found


def _convert(
    source: Path,
    name: str,
    options: ImportOptions,
    project: Path | None,
    cache: Cache,
    allow_pickle: bool,
    on_progress: Callable[[Progress], None] | None,
    cancelled: threading.Event | None,
) -> Artifact:
    plan = prepare(source, options, project)
    found = cache.find(plan.key)
    if found:
        return of_entry(found, True)
    display = f"{name}{source.suffix}" if name else source.name
    job = Job(source, cache.address, options, project, display, allow_pickle, plan.key)
    return of_entry(convert_in_child(job, on_progress, cancelled), False)


def _search(
    source: Path,
    options: ImportOptions,
    target: str,
    project: Path | None,
    cache: Cache,
    allow_pickle: bool,
    on_progress: Callable[[Progress], None] | None,
    cancelled: threading.Event | None,
) -> Artifact:
    check_options(options, project)
    scheduler = LocalScheduler(cache)
    allowed = [hash_file(source)] if allow_pickle else []

    def told(candidate: Candidate, progress: Progress) -> None:
        if on_progress:
            on_progress(replace(progress, message=f"{candidate.recipe}: {progress.message}"))

    found = search(Conversion(source, options, project, allowed), target, scheduler, told, cancelled)
    return of_entry(found.artifact, found.cached)


def _made(factory: Callable[..., torch.nn.Module]) -> torch.nn.Module:
    name = getattr(factory, "__name__", "The factory")
    try:
        found = factory()
    except Exception as error:
        cause = f"{name}() failed: {type(error).__name__}: {str(error)[:300]}"
        remedy = "Give a module, or a function that makes one without arguments."
        raise ImporterError("FACTORY_FAILED", cause, remedy, "load", traceback.format_exc()) from error
    if not isinstance(found, torch.nn.Module):
        cause = f"{name}() returned {type(found).__name__}, not a module."
        raise ImporterError("FACTORY_FAILED", cause, "Return a torch.nn.Module.", "load")
    return found


def _text(example_inputs: Any) -> str:
    example_inputs = shapes_as_text(example_inputs)
    if isinstance(example_inputs, str):
        return example_inputs
    cause = "For a file the inputs are a text."
    raise ImporterError("OPTION_INVALID", cause, "Write them as in 'x: float32[1,3,224,224]'.", "read")


def _name(model: Any) -> str:
    if isinstance(model, ExportedProgram):
        return "program"
    return type(model).__name__.lower()
