"""One V8 for all tests of generated JavaScript."""

import pytest
from py_mini_racer import MiniRacer
from translated import ENGINE, RUN


@pytest.fixture(scope="module")
def v8():
    context = MiniRacer()
    context.eval(ENGINE)
    context.eval(f"globalThis.runKernel = {RUN}")
    return context
