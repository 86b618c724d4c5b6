"""Everything that must hold, one part after the other: `make test`, or `make check` with --check.

All parts run, whatever fails. At the end: what failed, minutes, the slowest tests, one exit code.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PYTHON = [sys.executable]
PYTEST = [sys.executable, "-m", "pytest", "-q"]
BUILD = [BIN / "jupyter-book", "build", "-q", "-W", "-n", "--keep-going", "."]
NBVAL = [
    *PYTEST,
    *("--nbval", "--nbval-current-env", "--nbval-sanitize-with", "tests/nbval.cfg"),
    *("-n", "2", "--dist", "loadscope", "--no-loadscope-reorder"),
]
LONGEST = ("images", "concept")  # run first, or one process would wait for the other in the end
SOURCES = [*PYTEST, "tests/book/test_sources.py"]
LINT = {
    "ruff check": [BIN / "ruff", "check", "-q", "."],
    "ruff format": [BIN / "ruff", "format", "--check", "-q", "."],
    "codespell": [BIN / "codespell"],
}
UNIT = [*PYTEST, "-n", "2", "tests/unit"]
QUICK_UNIT = [*UNIT, "-m", "not slow"]  # no coverage: a quarter of the time
COVERED_UNIT = [*UNIT, "--cov=ganbook", "--cov-fail-under=95"]
CLAIMS = [*PYTHON, "tests/mutants.py", "--claims"]
PAGES = [*PYTEST, "-n", "2", "--dist", "worksteal", "tests/book"]  # neighbours share an open page
ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # the same bits everywhere, and no fight for cores
PLAIN = {"GANBOOK_PLAIN": "1"}  # as the book was made


@dataclass
class Part:
    """One part and what came of it."""

    name: str
    commands: dict[str, list]
    environment: dict[str, str] = field(default_factory=dict)
    minutes: float = 0
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    slow: list[tuple[float, str]] = field(default_factory=list)

    def run(self) -> None:
        """Run the commands; each one that is not pytest counts as one test."""
        print(f"\n--- {self.name} ---", flush=True)
        start = time.perf_counter()
        for name, command in self.commands.items():
            self.run_one(name, command)
        self.minutes = (time.perf_counter() - start) / 60

    def run_one(self, name: str, command: list) -> None:
        """Run one command; read the counts of pytest from its own report."""
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder, "report.xml")
            is_pytest = "pytest" in command
            start = time.perf_counter()
            status = subprocess.run(
                [*command, f"--junit-xml={report}"] if is_pytest else command,
                cwd=ROOT,
                env={**os.environ, **ONE_THREAD, **self.environment},
                check=False,
            ).returncode
            seconds, failed = time.perf_counter() - start, 0
            if is_pytest and report.exists():
                failed = self.count(report)
            else:
                self.slow.append((seconds, name))
                self.passed += status == 0
            # pytest can also fail as a whole: no tests, too little coverage, a crash.
            if status and not failed:
                failed = 1
                print(f"FAILED {name}: exit status {status}", flush=True)
            self.failed += failed

    def count(self, report: Path) -> int:
        """Add what a JUnit report says; return how many tests failed."""
        failed = 0
        for case in ElementTree.parse(report).iter("testcase"):
            results = {child.tag for child in case}
            broken = bool(results & {"failure", "error"})
            failed += broken
            self.skipped += "skipped" in results
            self.passed += not broken and "skipped" not in results
            name = f"{case.get('classname')}::{case.get('name')}"
            self.slow.append((float(case.get("time", 0)), name))
        return failed


def changed_notebooks() -> list[str]:
    """Notebooks that differ from the last commit."""
    git = ["git", "-C", ROOT]
    changed = subprocess.check_output([*git, "diff", "--name-only", "HEAD"], text=True)
    new = subprocess.check_output([*git, "ls-files", "--others", "--exclude-standard"], text=True)
    names = {*changed.splitlines(), *new.splitlines()}
    return sorted(n for n in names if n.endswith(".ipynb") and (ROOT / n).exists())


def parts(check: bool) -> list[Part]:
    """The parts in order; with `check` only the quick ones."""
    every = sorted(
        (path.relative_to(ROOT) for path in ROOT.glob("book/*.ipynb")),
        key=lambda path: (path.stem not in LONGEST, path),
    )
    notebooks = changed_notebooks() if check else every
    first = [Part("lint", LINT), Part("unit", {"unit": QUICK_UNIT if check else COVERED_UNIT})]
    runs = [Part("notebooks", {"notebooks": [*NBVAL, *notebooks]}, PLAIN)] if notebooks else []
    if check:
        return [*first, Part("sources", {"sources": SOURCES}), *runs]
    return [
        *first,
        *runs,
        Part("mutants", {"claims": CLAIMS}),
        Part("build", {"build": BUILD}),
        Part("pages", {"pages": PAGES}),
    ]


def main(check: bool) -> int:
    """Run the parts, print the summary, return the exit code."""
    todo = parts(check)
    if not check:
        shutil.rmtree(ROOT / "_build", ignore_errors=True)  # no stale page, no warning kept quiet
    for part in todo:
        part.run()
    passed, failed, skipped = (
        sum(getattr(part, count) for part in todo) for count in ("passed", "failed", "skipped")
    )
    print("\n--- summary ---")
    for part in todo:
        verdict = f"{part.failed} FAILED" if part.failed else "ok"
        print(f"{part.name:<10} {verdict:<10} {part.minutes:5.1f} min")
    print("slowest:")
    for seconds, name in sorted((slow for part in todo for slow in part.slow), reverse=True)[:10]:
        print(f"{seconds:7.1f} s  {name}")
    if skipped:
        print(f"{skipped} skipped: the lines that begin with SKIPPED say why")
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
