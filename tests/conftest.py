import os
import sys
from collections.abc import Iterator

import hypothesis
import pytest

pytest_plugins = ["pytester", "tests.browser"]

# No test opens a window, in this process or in one that it starts.
os.environ["MPLBACKEND"] = "Agg"

# The suite gives the same verdict every time; to search for new examples: pytest --hypothesis-profile=explore
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=1000)
# One failure is enough to notice a mutant; to look for the smallest takes a minute.
hypothesis.settings.register_profile("mutation", derandomize=True, deadline=None, phases=[hypothesis.Phase.generate])
hypothesis.settings.load_profile("suite")


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    yield
    # Not imported here: most tests draw nothing and need not wait for matplotlib.
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")
