"""Run the fenced blocks of a page of the docs, in order: ``python -m tests.docs.page PAGE``, in a scratch project,
or in an empty folder, in which the page makes a project of its own.

A ``python`` block runs in a namespace that the page shares; one that begins with ``>>>`` shows what comes out, too. One
whose first line is a comment with a path (``# shop/jobs.py``) is written to that file of the project, behind what an
earlier block wrote there; write to ``project/settings.py`` before the first block that runs. A ``shell`` block is a
script that must not fail. In a ``console`` block each line behind ``$`` is a command, and what follows it is what it
prints (``...`` stands for anything); a failure that is meant is shown as ``$ command || echo "exit code $?"``. What no
test can run stands behind ``<!-- skip: next -->``, what only some can behind ``<!-- skip: next if(…, reason="…") -->``;
a block that readers need not see begins with ``<!-- invisible-code-block: python`` and ends with ``-->``.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from unittest import SkipTest

from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FILE = re.compile(r"# ([\w/]+\.\w+)\n")
SECONDS = 60  # a command that takes longer waits for something


def write_file(example: Example) -> None:
    """Write the block to the file that its first line names."""
    source = str(example.parsed)
    found = FILE.match(source)
    assert found is not None
    path = Path(found[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(source)


def run_script(example: Example) -> None:
    """Run a shell block."""
    shell(str(example.parsed))


def run_console(example: Example) -> None:
    """Run the commands of a console block and compare what they print with what the page says."""
    _, *parts = re.split(r"^\$ ", str(example.parsed), flags=re.MULTILINE)
    assert parts, "a console block has lines that begin with '$ '"
    for part in parts:
        command, _, shown = re.sub(r"\\\n", "", part).partition("\n")
        printed = shell(command)
        if shown.strip() and not doctest.OutputChecker().check_output(shown.strip(), printed.strip(), FLAGS):
            raise AssertionError(f"$ {command}\nThe page shows:\n{shown}\nIt printed:\n{printed}")


def shell(script: str) -> str:
    """Run a script in the project; return what it printed, and fail when it fails."""
    command = ["bash", "-e", "-o", "pipefail", "-c", script]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS)
    if done.returncode:
        raise AssertionError(f"$ {script}\nIt ended with exit code {done.returncode} and printed:\n{done.stdout}")
    return done.stdout


class PagePython(PythonCodeBlockParser):
    """Python blocks, of which some are files."""

    def __call__(self, document: Document) -> Iterable[Region]:
        for region in super().__call__(document):
            if FILE.match(str(region.parsed)):
                region.evaluator = write_file
            yield region


PARSERS = (
    PagePython(doctest_optionflags=FLAGS),
    CodeBlockParser("shell", run_script),
    CodeBlockParser("console", run_console),
    SkipParser(),
)


def examples(page: Path) -> list[Example]:
    """Return the blocks of the page that can be run."""
    return list(Sybil(PARSERS).parse(page).examples())


def main(page: Path) -> None:
    """Run the page in this folder."""
    is_ready = not Path("manage.py").exists()  # a page that begins with nothing runs in the shell only
    if not is_ready:
        os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    for example in examples(page):
        if example.region.evaluator is not write_file and not is_ready:
            is_ready = True
            import django

            django.setup()
            shell("python manage.py migrate --verbosity 0")
        with suppress(SkipTest):  # what its condition says is not there
            example.evaluate()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
