import importlib.util
import sys
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("setup", Path(__file__).parents[1] / "setup.py")
setup = importlib.util.module_from_spec(spec)
spec.loader.exec_module(setup)


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    monkeypatch.setattr(setup, "VENV", tmp_path / ".venv")
    return tmp_path


def message(raised):
    text = str(raised.value)
    assert "\n" not in text
    assert "Traceback" not in text
    return text


@pytest.mark.usefixtures("elsewhere")
def test_old_python_gets_one_line(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 2))
    with pytest.raises(SystemExit) as raised:
        setup.main()
    assert "this is Python 3.10, the book needs 3.11 or newer" in message(raised)


def test_missing_venv_module_gets_one_line_and_leaves_nothing(monkeypatch, elsewhere):
    def broken(*command):
        (elsewhere / ".venv").mkdir()
        return False, "Error: the module\nensurepip is not available\n"

    monkeypatch.setattr(setup, "run", broken)
    with pytest.raises(SystemExit) as raised:
        setup.main()
    assert "apt install python3-venv" in message(raised)
    assert not (elsewhere / ".venv").exists()


def test_missing_network_gets_one_line(monkeypatch, elsewhere):
    said = "WARNING: Retrying\nERROR: No matching distribution found for torch==2.13.0\n"
    answers = iter([(True, ""), (False, said)])
    monkeypatch.setattr(setup, "run", lambda *command: next(answers))
    with pytest.raises(SystemExit) as raised:
        setup.main()
    assert "is there a network?" in message(raised)
    assert "No matching distribution found for torch" in message(raised)
    assert not (elsewhere / ".venv" / "ready").exists()


def test_success_leaves_a_mark(monkeypatch, elsewhere, capsys):
    (elsewhere / ".venv" / "bin").mkdir(parents=True)
    (elsewhere / ".venv" / "bin" / "python").touch()
    commands = []
    monkeypatch.setattr(setup, "run", lambda *c: (commands.append(c), (True, ""))[1])
    setup.main()
    assert (elsewhere / ".venv" / "ready").exists()
    assert [c[-1] for c in commands] == ["requirements.txt", "."]
    assert "a few minutes, once" in capsys.readouterr().out


def test_run_reports_what_a_command_said():
    assert setup.run(sys.executable, "-c", "print(1)") == (True, "1\n")
    worked, said = setup.run(sys.executable, "-c", "raise SystemExit('no')")
    assert not worked
    assert "no" in said
