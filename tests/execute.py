"""Run notebooks again, in place: `make execute`, or `python tests/execute.py book/concept.ipynb`.

Twice in a row changes no byte: no times, no widget state, no memory of who ran it. A notebook whose
cell fails is left as it was.
"""

import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError


class NotebookFailedError(Exception):
    """A notebook could not be run to its end; the message says where it stopped."""


def execute(path: Path) -> None:
    """Run one notebook from its own folder and write what its cells gave."""
    notebook, reached = nbformat.read(path, 4), []
    client = NotebookClient(
        notebook,
        timeout=1800,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # else chunks of one stream depend on timing
        store_widget_state=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        on_cell_execute=lambda cell, cell_index: reached.append(cell_index),
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise NotebookFailedError(f"{path}, code cell {len(reached) - 1}:\n{error}") from None
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    # Written beside and moved over: an interruption leaves a whole notebook, old or new.
    draft = path.with_suffix(".part")
    nbformat.write(notebook, draft)
    draft.replace(path)


def main(paths: list[str]) -> int:
    """Run all, report each, return how many failed."""
    # a chapter that is run for the book also stores the generators that its live figure shows
    os.environ.update(GANBOOK_PLAIN="1", GANBOOK_KEEP="1", OMP_NUM_THREADS="1")
    failures = 0
    for path in map(Path, paths):
        start = time.perf_counter()
        try:
            execute(path)
        except NotebookFailedError as error:
            failures += 1
            print(f"FAILED {error}", file=sys.stderr)
        else:
            print(f"{path}: {time.perf_counter() - start:.0f} s")
    return failures


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
