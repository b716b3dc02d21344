"""`litmus completion`: what a shell sources so that TAB completes commands, options and names."""

from collections.abc import Sequence

from argcomplete import shellcode

from litmus.errors import require_choice
from studies.command.base.options import Parser

SHELLS = ("bash", "zsh", "fish")


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = Parser("completion", "What a shell sources for TAB to complete; in bash: source <(litmus completion bash)")
    parser.add_argument("shell", help=f"{', '.join(SHELLS[:-1])} or {SHELLS[-1]}")
    options = parser.read(arguments)
    require_choice("shell", options.shell, SHELLS)
    # Files are completed where an option takes one; the shell's own guess elsewhere would be files everywhere.
    print(shellcode(["litmus"], use_defaults=False, shell=options.shell).strip())
    return 0
