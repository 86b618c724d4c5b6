"""Make `.venv` and install everything into it: `make book` calls this once.

Runs with whatever Python the user has, so it uses no syntax newer than Python 3.6 and nothing
outside the standard library; each thing that can be missing gets one line that says what to do.
"""

import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"


def stop(message):
    """Leave with one clear line."""
    sys.exit("make: " + message)


def run(*command):
    """Run a command quietly; return whether it worked, and what it said."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stdout


def main():
    """Check Python, make the environment, install, and say what went wrong if something did."""
    if sys.version_info < (3, 11):
        stop(
            "this is Python {}.{}, the book needs 3.11 or newer: install one and run "
            "'make book PYTHON=python3.11'".format(*sys.version_info)
        )
    if not (VENV / "bin" / "python").exists():
        made, said = run(sys.executable, "-m", "venv", VENV)
        if not made:
            shutil.rmtree(str(VENV), ignore_errors=True)
            stop(
                "could not make .venv: on Debian and Ubuntu run 'sudo apt install python3-venv', "
                "then again. (" + said.strip().splitlines()[-1] + ")"
            )
    print("installing into .venv: a few minutes, once", flush=True)
    pip = (VENV / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install", "-q")
    for arguments in (("-r", "requirements.txt"), ("--no-deps", "-e", ".")):
        installed, said = run(*pip, *arguments)
        if not installed:
            errors = [line for line in said.splitlines() if "ERROR" in line] or [said[-300:]]
            stop(
                "could not install the packages: is there a network? Run it again when there is. "
                "(" + errors[-1].strip() + ")"
            )
    (VENV / "ready").touch()


if __name__ == "__main__":
    main()
