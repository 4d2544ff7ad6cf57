"""What surrounds every command: a failure that a person can mend ends in one sentence and exit status 1."""

import errno
import functools
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from maflab.training.errors import SweepError
from maflab.training.overrides import check_config, check_overrides, nearest
from maflab.training.sweeping import is_first_rank, named_sweep, run_job

Task = Callable[[DictConfig], Any]

_MENDABLE = (FileNotFoundError, PermissionError, NotADirectoryError, FileExistsError)

_KEY = re.compile(r"Could not (?:override|delete from config\.|append to config\.) *'?([^'\s]+)'")
_NO_FILE = re.compile(r"Could not (?:find|load) '([^']+)'")
_NO_GROUP = re.compile(r"Could not override '([^']+)'\.\s*(?:No match in the defaults list|Did you mean)")


def friendly(conf: str | Path, name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Decorates a `hydra.main`: what goes wrong is told in one sentence.

    The whole traceback comes with MAFLAB_TRACEBACK=1 or hydra.verbose=true, and for faults of the program itself.

    Args:
        conf: the folder of configs.
        name: the root config in it, without `.yaml`.
    """

    def decorate(main: Callable[[], None]) -> Callable[[], None]:
        @functools.wraps(main)
        def run() -> None:
            os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # or Hydra prints and exits before we see the error
            try:
                main()
            except KeyboardInterrupt:
                sys.stderr.write("maflab: interrupted\n")
                sys.exit(130)
            except Exception as error:
                message = None if _wants_traceback() else describe(error, Path(conf), name)
                if message is None:
                    raise
                _end(message)

        return run

    return decorate


def checked(conf: str | Path, name: str) -> Callable[[Task], Task]:
    """Decorates the function under `hydra.main`: every setting is checked before it runs.

    A failure that a person can mend ends the command here, before Hydra adds its own line; in a sweep it is recorded in
    the job's folder, and the other jobs run.

    Args:
        conf, name: as in `friendly`.
    """

    def decorate(task: Task) -> Task:
        @functools.wraps(task)
        def run(config: DictConfig) -> Any:
            if HydraConfig.get().mode is RunMode.MULTIRUN:
                return run_job(checked_task, config, explain)
            try:
                return checked_task(config)
            except Exception as error:
                message = None if _wants_traceback() else describe(error, Path(conf), name)
                if message is None:
                    raise
                _end(message)

        def checked_task(config: DictConfig) -> Any:
            check_config(config, Path(conf) / f"{HydraConfig.get().job.config_name}.yaml")
            _check_given(config)
            return task(config)

        def explain(error: Exception) -> str:
            return describe(error, Path(conf), name) or _one_line(f"{type(error).__name__}: {error}")

        return run

    return decorate


def _check_given(config: DictConfig) -> None:
    """A setting that no cell of a named sweep reads is a mistake only where the sweep itself varies it."""
    hydra = HydraConfig.get()
    given = list(hydra.overrides.task)
    sweep = named_sweep(given)
    if sweep is not None:
        if hydra.mode is RunMode.RUN and is_first_rank():
            raise SweepError(
                f"+sweep={sweep} makes many runs, which -m asks for: python train.py -m +sweep={sweep} ..."
            )
        given = [o for o in given if o.partition("=")[0] in hydra.sweeper.params]
    check_overrides(config, given)


def describe(error: BaseException, conf: Path, name: str) -> str | None:
    """One sentence about an error that the person at the keyboard can mend; None for a fault of the program."""
    for cause in _chain(error):
        if type(cause).__module__.startswith("maflab."):
            return _one_line(str(cause))
    for cause in _chain(error):
        if type(cause).__name__ == "OutOfMemoryError":  # torch's, without importing torch for a misspelt word
            return "The GPU has run out of memory; lower data.batch_size"
        if isinstance(cause, OSError) and cause.errno == errno.ENOSPC:
            return f"The disk is full ({cause.filename or 'while writing'}); free some space and run it again"
        if isinstance(cause, MissingMandatoryValue):
            key = str(getattr(cause, "full_key", None) or cause).split(": ")[-1]
            return f"{key} must be given: {key}=..."
    if isinstance(error, HydraException | OmegaConfBaseException):
        return _describe_composition(error, conf, name)
    return _one_line(str(error)) if isinstance(error, _MENDABLE) else None


def _describe_composition(error: Exception, conf: Path, name: str) -> str:
    """Hydra's words for a wrong group, option or key, shortened, with the nearest that exists."""
    text = str(error) or str(error.__cause__)
    groups = {path.parent.relative_to(conf).as_posix() for path in conf.rglob("*.yaml")} - {".", "hydra"}
    if (found := _NO_GROUP.search(text)) and found[1].rstrip("?") not in groups:
        return f"There is no part or setting {found[1]}{nearest(found[1], groups | _known_keys(conf, name))}"
    if found := _NO_FILE.search(text):
        group, _, option = found[1].partition("/") if "/" in found[1] else ("", "", found[1])
        options = [path.relative_to(conf / group).with_suffix("").as_posix() for path in (conf / group).rglob("*.yaml")]
        if not options:
            return f"There is no part {group}{nearest(group, groups)}"
        return f"There is no {group}={option}{nearest(option, options)}"
    if found := _KEY.search(text):
        if name == "evaluate" and found[1].startswith("data."):
            return (
                f"{found[1]} stands alone: +{found[1]}=... changes the checkpoint's own data, data=... chooses others"
            )
        return f"There is no setting {found[1]}{nearest(found[1], groups | _known_keys(conf, name))}"
    return _one_line(text)


def _known_keys(conf: Path, name: str) -> set[str]:
    """Every setting of the root config, dotted."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        config = compose(name)
    return set(_dotted(OmegaConf.to_container(config, resolve=False)))


def _dotted(node: object, prefix: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield f"{prefix}{key}"
            yield from _dotted(value, f"{prefix}{key}.")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _end(message: str) -> NoReturn:
    sys.stderr.write(f"maflab: {message}\n")
    sys.exit(1)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _wants_traceback() -> bool:
    return os.environ.get("MAFLAB_TRACEBACK", "") not in ("", "0") or "hydra.verbose=true" in sys.argv
