"""The `litmus` command: finds the command's file, and turns every mistake into one line and an exit status."""

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from litmus.core.errors import UserError, unknown_name

if TYPE_CHECKING:
    from litmus.design.study import Study


COMMANDS = {
    "list": "studies, architectures and datasets, a line each",
    "run": "run what is missing of a study, then write its report",
    "vary": "a study of any config keys: --vary model.norm=none,batch",
    "train": "train one network; --print_config and --config FILE for YAML",
    "status": "how far the studies on disk are, and their jobs; --watch",
    "stop": "cancel a study's jobs on a cluster; what is done stays",
    "report": "write a study's report again",
    "power": "the seeds that would show an effect of a given size",
    "show": "one run: config, result, log; show data NAME: images, augmented",
    "predict": "what a run's network says of images: classes, or masks",
    "export": "a run's weights: safetensors, TorchScript or ONNX",
    "wandb": "a study in W&B: its report, its runs uploaded",
    "profile": "an architecture layer by layer: shapes, parameters, FLOPs, memory",
    "completion": "what bash, zsh or fish sources for TAB to complete",
}

USAGE_ERROR = 2
INTERRUPTED = 130


def main() -> None:
    """Run the command of `sys.argv` and exit: 0 done, 1 runs crashed, 2 a mistake of the user, 128+n by signal n."""
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what completes the line; see `litmus completion`
        from litmus.cli.completion import complete

        complete()
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status."""

    def command() -> int:
        if not arguments or arguments[0] in ("-h", "--help", "help"):
            print(usage())
            return 0 if arguments else USAGE_ERROR
        name, *rest = arguments
        if name not in COMMANDS:
            raise unknown_name("command", name, COMMANDS)
        if name == "stop":
            return importlib.import_module("litmus.cli.status").stop(rest)
        return int(importlib.import_module(f"litmus.cli.{name}").execute(rest))

    return _guarded(command)


def run_script(study: "Study") -> None:
    """Run `study` with the options of `litmus run`: what makes a study's file runnable."""
    from litmus.design.study_files import STUDIES, being_imported

    if being_imported() is not None:
        return  # a worker that wants what the file registers, no more

    def command() -> int:
        from litmus import studies
        from litmus.cli.run import execute

        script = sys.modules["__main__"]
        file = Path(str(script.__file__)).resolve() if getattr(script, "__file__", None) else None
        declared = study.declared_in(file.stem if file is not None else "", script.__doc__)
        if file is None or file.parent == Path(str(studies.__file__)).resolve().parent:
            return execute([declared.name, *sys.argv[1:]], declared)
        STUDIES.add(declared.name, declared, "__main__")  # refuses a name that a study of the package has
        return execute([declared.name, *sys.argv[1:]], declared, file)

    sys.exit(_guarded(command))


def _guarded(command: Callable[[], int]) -> int:
    """Return the command's exit status; a mistake of the user and an interruption are told in one line."""
    try:
        return command()
    except UserError as error:
        print(f"litmus: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print("litmus: interrupted; the same command goes on where this one stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, `head` for one, has seen enough; Python must not flush into the closed pipe at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def usage() -> str:
    """Return the overview of all commands."""
    lines = ["usage: litmus COMMAND ...", "", "Controlled ablations of image networks.", ""]
    lines += [f"  {name:<10} {summary}" for name, summary in COMMANDS.items()]
    return "\n".join([*lines, "", "litmus COMMAND --help tells a command's options."])


if __name__ == "__main__":
    main()
