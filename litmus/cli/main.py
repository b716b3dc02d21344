"""The `litmus` command: it runs the command's code, and turns every mistake into one line and an exit status."""

import functools
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

from litmus.cli.command import Command
from litmus.core.errors import UserError, unknown_name

if TYPE_CHECKING:
    from litmus.design.study import Study


GROUPS = {
    "Run": {
        "run": Command("run", "run the missing runs of a study, then write its report"),
        "vary": Command("train:vary", "compare any config keys: --vary model.norm=none,batch"),
        "train": Command("train", "train one network"),
        "work": Command("work", "execute planned runs, on any number of machines"),
        "stop": Command("status:stop", "cancel the SLURM jobs of a study"),
    },
    "Look at results": {
        "status": Command("status", "show how many runs of each study are finished, and SLURM jobs"),
        "report": Command("report", "write the report of a study again, or compare two studies"),
        "power": Command("power", "print how many seeds would show an effect of a given size"),
        "show": Command("status:show", "show one run: config, result, log"),
        "wandb": Command("wandb", "write the report of a study in W&B"),
    },
    "Use what exists": {
        "judge": Command("judge", "write the report for runs that were trained elsewhere"),
        "predict": Command("export:predict", "classify or segment images with the network of a run"),
        "export": Command("export", "write the weights of a run as safetensors, or its network as ONNX"),
    },
    "Look up": {
        "list": Command("list", "list studies, architectures, datasets, probes, or runs"),
        "profile": Command("profile", "show an architecture layer by layer: shapes, parameters, FLOPs"),
        "completion": Command("completion", "print a script that completes commands with TAB in your shell"),
    },
}
COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}

USAGE_ERROR = 2
INTERRUPTED = 130

Arguments = ParamSpec("Arguments")


def main() -> None:
    """Run the command of `sys.argv` and exit: 0 done, 1 runs crashed, 2 a mistake of the user, 128+n by signal n."""
    line = find_home()
    if line is not None:
        print(f"litmus: {line}", file=sys.stderr)
    sys.exit(run_command(sys.argv[1:]))


def find_home() -> str | None:
    """Make a temporary folder the home where there is none to write in, and return a line that says so.

    Libraries keep caches and settings there.
    """
    home = os.path.expanduser("~")
    if home.startswith("~") or not os.access(home, os.W_OK):
        os.environ["HOME"] = tempfile.mkdtemp(prefix="litmus-")
        return f"{home} is no home folder to write in; settings and caches are kept in {os.environ['HOME']}"
    return None


def one_line_errors(command: Callable[Arguments, int]) -> Callable[Arguments, int]:
    """Let a command print one line for a mistake of the user and for an interruption, and return its exit status."""

    @functools.wraps(command)
    def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> int:
        try:
            return command(*args, **kwargs)
        except UserError as error:
            print(f"litmus: {error}", file=sys.stderr)
            return USAGE_ERROR
        except KeyboardInterrupt:
            print("litmus: interrupted; the same command continues where this one stopped", file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:
            # The reader, such as `head`, has closed the pipe; Python must not flush into it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0

    return guarded


@one_line_errors
def run_command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print("usage: litmus COMMAND ...\n\nControlled ablations of image networks.\n")
        for title, commands in GROUPS.items():
            print(f"{title}:")
            print("".join(f"  {name:<11} {command.summary}\n" for name, command in commands.items()))
        print("`litmus COMMAND --help` lists the options of a command.")
        return 0 if arguments else USAGE_ERROR
    name, *rest = arguments
    if name not in COMMANDS:
        raise unknown_name("command", name, COMMANDS)
    if "torch" not in sys.modules:
        from litmus.cli.names import check_names

        check_names(name, rest)
    return COMMANDS[name].execute(rest)


def run_script(study: "Study") -> None:
    """Run `study` of the script `__main__` with the options of `litmus run`, and exit."""
    from litmus.core.source import being_imported

    if being_imported() is None:  # workers import the file for what it registers, and run nothing
        sys.exit(_run_script(study))


@one_line_errors
def _run_script(study: "Study") -> int:
    from litmus import studies
    from litmus.cli.run import execute
    from litmus.design.study_files import STUDIES

    script = sys.modules["__main__"]
    file = Path(str(script.__file__)).resolve() if getattr(script, "__file__", None) else None
    declared = study.declared_in(file.stem if file is not None else "", script.__doc__)
    arguments = [declared.name, *sys.argv[1:]]
    if file is None or file.parent == Path(str(studies.__file__)).resolve().parent:
        return execute(arguments, declared)
    STUDIES.add(declared.name, declared, "__main__")  # refuses a name that a study of the package has
    return execute(arguments, declared, file)


if __name__ == "__main__":
    main()
