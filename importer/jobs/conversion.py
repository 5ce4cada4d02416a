"""The conversion of a file by a confined child process, and the parent's part before and after it.

The parent hashes the files, looks into the cache, and makes the entry of the files and the metadata that the child
wrote. It does not parse the model, and the model's code does not run here.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from importer.cache.cache import Cache
from importer.cache.cache_key import external_files, hash_file
from importer.cache.entry import Artifact
from importer.cache.shards import shard_files
from importer.errors import ImporterError
from importer.jobs.approvals import code_hash, is_approved, project_code
from importer.jobs.child import Report
from importer.jobs.reading import READ_LIMITS
from importer.jobs.sandbox.policy import Policy, is_required
from importer.jobs.starting import Starter, light_starter, starter
from importer.jobs.supervisor import Limits, Supervisor
from importer.jobs.written import as_written
from importer.options import ImportOptions, metric_file, split_factory
from importer.owned_folders import owned_folder, temporary_folder
from importer.paths import resolve
from importer.progress import Listener, Progress, Stages
from importer.sources.architecture.guess import python_files
from importer.task_card import card_file, files_beside

_BUILD = "importer.jobs.conversion:build"
_LOOK = "importer.jobs.reading:refuse_early"
_starter = starter()
_light = light_starter()


@dataclass(frozen=True)
class Job:
    """What to convert; the fields are those of pipeline.convert.

    key: what the caller expects, empty for anything. trusted_factories: SHA-256 of factory files that a person has
    allowed to reach the network and other folders; with one of these the conversion is not confined. takes_approvals:
    whether code that a person has approved on this machine may run without a sandbox. written: the options as a person
    wrote them, and keyed: as the key and the metadata have them, when `options` name copies of their files at other
    places. mirror: the local folder of a remote cache;
    None: the user's own.
    """

    source: Path
    cache: str
    options: ImportOptions
    project: Path | None = None
    display_path: str = ""
    allow_pickle: bool = False
    key: str = ""
    trusted_factories: list[str] = field(default_factory=list)
    cache_limit_bytes: int = 0
    takes_approvals: bool = True
    written: ImportOptions | None = None
    keyed: ImportOptions | None = None
    mirror: Path | None = None

    def limits(self) -> Limits:
        return Limits(float(self.options.deadline_seconds), self.options.memory_limit_megabytes << 20)


def convert_in_child(
    job: Job,
    on_progress: Listener | None = None,
    interrupted: threading.Event | None = None,
    way: Starter = _starter,
) -> Artifact:
    """Convert in a child. interrupted: an event; when it is set, the child is ended and CANCELLED raised."""
    began = time.monotonic()

    def told(stage: str, fraction: float, message: str) -> None:
        if on_progress:
            on_progress(Progress(stage, fraction, time.monotonic() - began, message))

    return convert(job, Supervisor(job.limits(), told, way, interrupted), _light)


def convert(job: Job, supervisor: Supervisor, light: Starter) -> Artifact:
    """Convert by a supervisor that was made for this job. light: starts the process that looks at the file first."""
    from importer import pipeline

    began = time.monotonic()
    cache = Cache(job.cache, job.cache_limit_bytes, job.mirror)
    plan = pipeline.prepare(job.source, job.options, job.project, job.keyed)
    _check_key(plan.key, job)
    if found := cache.find(plan.key):
        return found
    if job.allow_pickle and hash_file(job.source) != plan.sha256:  # never decided by a remembered hash
        raise _changed(job)
    params = {
        "source": str(job.source.absolute()),
        "project": str(job.project.absolute()) if job.project else "",
        "display_path": job.display_path,
        "options": job.options.changed(),
        "allow_pickle": job.allow_pickle,
        "sha256": plan.sha256,
        "external": [str(path.absolute()) for path in external_files(job.source)],
    }
    read = tuple(
        path.absolute()
        for path in (job.source, *external_files(job.source), *shard_files(job.source), *_of_options(job), *_card(job))
    )
    with owned_folder(temporary_folder(), "job") as temporary:
        files = [] if job.options.factory.strip() else _python_files(job)
        policy = Policy(temporary, (*read, *files), (), is_required())
        looked = Supervisor(READ_LIMITS, _nothing, light, supervisor.cancelled)
        _look({**params, "python_files": [str(path) for path in files]}, policy, looked)
    with cache.building(plan.key) as building, owned_folder(temporary_folder(), "job") as temporary:
        policy = Policy(temporary, read, (building.absolute(),), is_required(), _unapproved(job))
        trusted = _is_trusted(job)
        body = supervisor.run(_BUILD, {**params, "building": str(building.absolute())}, None if trusted else policy)
        if not isinstance(body, dict):
            raise ImporterError("WORKER_ANSWER_INVALID", "The conversion returned no metadata.", "Report it.", "store")
        if not supervisor.sandbox:
            why = "its factory is trusted" if trusted else "this machine has no sandbox"
            body["notes"] = [*_list(body.get("notes")), f"Converted without a sandbox: {why}."]
        if job.written:
            body = as_written(body, job.options, job.written)
        supervisor.enter("store", 0.97)
        stages = Stages()
        stages.current = "store"
        with pipeline.staged(stages, cache.root):
            return pipeline.store(cache, plan, building, body, job.display_path, time.monotonic() - began)


def build(params: dict[str, Any], report: Report) -> dict[str, Any]:
    """The child's part: the files in `building`; returns their metadata."""
    from importer import pipeline
    from importer.sources.file_kind import recognise

    def forward(progress: Progress) -> None:
        report(progress.stage, progress.fraction, progress.message)

    source, building = Path(params["source"]), Path(params["building"])
    stages = Stages(forward)
    with pipeline.staged(stages, building):
        stages.enter("read", params["display_path"])
        if params["allow_pickle"] and hash_file(source) != params["sha256"]:
            raise ImporterError("KEY_DIFFERS", f"{source.name} has changed.", "Convert it again.", "read")
        return pipeline.build(
            source,
            recognise(source),
            building,
            Path(params["project"]) if params["project"] else None,
            ImportOptions.from_mapping(params["options"]),
            params["allow_pickle"],
            next((Path(path) for path in params["external"] if Path(path).stem == source.stem), None)
            or next(map(Path, params["external"]), None),
            stages,
        )


def _look(params: dict[str, Any], policy: Policy, supervisor: Supervisor) -> None:
    """Refuse in milliseconds what can be checked without torch. Longer checks are left to the conversion."""
    try:
        supervisor.run(_LOOK, params, policy)
    except ImporterError as error:
        if error.code not in ("DEADLINE_EXCEEDED", "MEMORY_LIMIT_EXCEEDED", "OUT_OF_MEMORY"):
            raise


def _of_options(job: Job) -> list[Path]:
    """The factory's folder, the data to calibrate and evaluate with, and the metric's file."""
    found = []
    if job.options.factory.strip():
        found.append(resolve(split_factory(job.options.factory)[0], job.project, "factory").parent)
    if job.options.calibration.strip():
        found.append(resolve(job.options.calibration.strip(), job.project, "calibration"))
    if job.options.evaluate.strip():
        found.append(resolve(job.options.evaluate.strip(), job.project, "evaluate"))
    if metric := metric_file(job.options.metric):
        found.append(resolve(metric, job.project, "metric"))
    return found


def _card(job: Job) -> list[Path]:
    card = card_file(job.source)
    return [*([card] if card else []), *files_beside(job.source).values()]


def _python_files(job: Job) -> list[Path]:
    """The project's Python files, of which a state dict's architecture is guessed. They are read in the child."""
    if job.source.suffix.lower() in (".pte", ".pt2", ".onnx"):  # finished programs
        return []
    project = job.project.absolute() if job.project else None
    return list(python_files(job.source.absolute(), project))


def _is_trusted(job: Job) -> bool:
    if not job.options.factory.strip() or not job.trusted_factories:
        return False
    factory = resolve(split_factory(job.options.factory)[0], job.project, "factory")
    return hash_file(factory) in {item.lower() for item in job.trusted_factories}


def _unapproved(job: Job) -> str:
    """The hash of the project's code that the job runs, unless it is approved to run without a sandbox."""
    files = project_code(job.options, job.project)
    if not files:
        return ""
    code = code_hash(files)
    return "" if job.takes_approvals and is_approved(code) else code


def _check_key(key: str, job: Job) -> None:
    if job.key and key != job.key:
        cause = f"{job.display_path} has the key {key[:12]}, the editor asked for {job.key[:12]}."
        remedy = "The file was changed meanwhile, or addon and importer differ in version: import it again."
        raise ImporterError("KEY_DIFFERS", cause, remedy, "store")


def _changed(job: Job) -> ImporterError:
    return ImporterError("KEY_DIFFERS", f"{job.display_path} has changed.", "Convert it again.", "read")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _nothing(stage: str, fraction: float, message: str) -> None:
    pass
