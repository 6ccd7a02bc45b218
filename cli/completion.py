"""`hallmark completion`: what lets a shell complete commands, options and numbers of batches and jobs."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import completion_init, get_completion_script

#: Set by the shell's side to the shell whose question the command is to answer in place of its work.
ASKED = "_HALLMARK_COMPLETE"


class Shell(StrEnum):
    """Shells that a script is printed for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="The shell that is to complete.")]) -> None:
    """Print what lets a shell complete commands, options, and numbers of batches and jobs.

    For bash, `source <(hallmark completion bash)` belongs into ~/.bashrc; zsh has the same in
    ~/.zshrc, after `compinit`. Fish reads ~/.config/fish/completions/hallmark.fish by itself.
    """
    typer.echo(get_completion_script(prog_name="hallmark", complete_var=ASKED, shell=shell.value))


def prepare() -> None:
    """Let the command line answer a shell that asks what a word may become; it costs nothing otherwise."""
    if ASKED in os.environ:
        completion_init()
