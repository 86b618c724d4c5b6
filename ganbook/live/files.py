"""What the modules of all live figures share: reading their options, and the files beside them."""

import json
import math
from collections.abc import Mapping
from pathlib import Path


def text(name: str) -> str:
    """A script or style sheet of this package."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def script(name: str, kernels: Mapping[str, str], numbers: Mapping) -> str:
    """A figure's kernels and numbers as a classic script: `ganbook.NAME = {kernels, numbers}`."""
    made = ",\n".join(f"{key}: {kernel.strip()}" for key, kernel in kernels.items())
    given = json.dumps(numbers, ensure_ascii=False)
    return f"ganbook.{name} = {{ numbers: {given}, kernels: {{\n{made}\n}} }};\n"


def options(
    figure: str, given: Mapping, choices: Mapping[str, tuple], ranges: Mapping[str, tuple]
) -> dict:
    """A figure's options, as numbers and names, from what an author wrote.

    Args:
        figure: its name, for the error.
        given: value by option; a value may be the text of a directive.
        choices: the possible values of an option.
        ranges: the least and the largest value of an option; both int if it counts something.

    Raises:
        ValueError: for an unknown option or an impossible value; says what is possible.
    """
    made = {}
    for name, value in given.items():
        if name in choices:
            fitting = [choice for choice in choices[name] if str(choice) == str(value)]
            if not fitting:
                raise ValueError(f"{figure}: expected {name} among {choices[name]}; got {value!r}")
            made[name] = fitting[0]
        elif name in ranges:
            low, high = ranges[name]
            try:
                made[name] = type(low)(value)
            except ValueError:
                made[name] = math.nan
            if not low <= made[name] <= high:
                raise ValueError(f"{figure}: expected {name} from {low} to {high}; got {value!r}")
        else:
            known = sorted({*choices, *ranges})
            raise ValueError(f"{figure}: expected options among {known}; got {name!r}")
    return made
