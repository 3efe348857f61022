"""Before torch is loaded and before any worker starts: threads that sleep, and a browser."""

import os
from pathlib import Path

import pytest

# Threads that wait do not spin, for tests share cores with a browser.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
BROWSER = Path(__file__).parent / "browser"


def pytest_sessionstart(session):
    """Find the browser and build the site once, before workers start: one cause, one sentence."""
    if hasattr(session.config, "workerinput") or not asks_for_browser(session.config):
        return
    from tools import browsers, build

    try:
        browsers.find()
    except RuntimeError as error:
        raise pytest.UsageError(str(error)) from None
    if build.main(["--quiet"]):
        raise pytest.UsageError("The tests' site was not built: see above.")


def asks_for_browser(config):
    """Whether any folder or file that pytest was given holds tests in a browser."""
    given = [(config.invocation_params.dir / arg.split("::")[0]).resolve() for arg in config.args]
    return any(BROWSER in (path, *path.parents) or path in BROWSER.parents for path in given)
