"""What the shells make of the completions of adit, at their own prompt."""
import os

import pytest

from harness.cli import adit, run
from test_adit_screen import Terminal


def complete(shell, typed, shown):
    at = len(shell.text)
    os.write(shell.master, (typed + "\t").encode())
    shell.wait(shown, at)


@pytest.fixture(params=["in $fpath", "sourced"])
def zsh(request, tmp_path):
    """An interactive zsh that has read the completions, or will when it wants them."""
    (tmp_path / "_adit").write_text(run(tmp_path, "completion", "zsh").stdout)
    begin = f"fpath=({tmp_path} $fpath); " if request.param == "in $fpath" else ""
    begin += "autoload -Uz compinit; compinit -u -D; "
    if request.param == "sourced":
        begin += f"source {tmp_path}/_adit; "
    shell = Terminal(tmp_path, "-f", "-i", program="/usr/bin/zsh", columns=200,
                     PATH=f"{os.path.dirname(adit())}:/usr/bin:/bin")
    # What is typed is shown as well, and does not have the word in one piece.
    os.write(shell.master, f"{begin} PS1='' RPS1='' PROMPT_EOL_MARK=''; echo re''ady\n".encode())
    shell.wait("ready")
    yield shell
    shell.close()


@pytest.mark.parametrize("typed, shown", [
    ("adit rese", "adit reserve"),
    ("adit http 3000 --sub", "--subdomain"),
    ("adit http 3000 --transport w", "websocket"),
    ("adit http 3000 --transport=w", "websocket"),
    ("adit status --js", "--json"),
    ("adit help comp", "completion"),
    ("adit completion z", "zsh"),
])
def test_zsh_completes_at_the_first_tab(zsh, typed, shown):
    complete(zsh, typed, shown)


@pytest.fixture
def bash(tmp_path):
    """An interactive bash that has read the completions."""
    (tmp_path / "script").write_text(run(tmp_path, "completion", "bash").stdout)
    shell = Terminal(tmp_path, "--norc", "--noprofile", "-i", program="/bin/bash", columns=200,
                     PATH=f"{os.path.dirname(adit())}:/usr/bin:/bin")
    os.write(shell.master, f"source {tmp_path}/script; PS1=''; echo re''ady\n".encode())
    shell.wait("ready")
    yield shell
    shell.close()


@pytest.mark.parametrize("typed, shown", [
    ("adit rese", "adit reserve"),
    ("adit http 3000 --transport w", "--transport websocket"),
    ("adit http 3000 --transport=w", "--transport=websocket"),
    ("adit http 3000 --transport=websocket --local-ver", "--local-verify"),
])
def test_bash_completes_at_the_first_tab(bash, typed, shown):
    complete(bash, typed, shown)
