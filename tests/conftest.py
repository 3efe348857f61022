"""Before torch is loaded and before any worker starts: threads that sleep, and a browser."""

import functools
import os
import re
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


def pytest_xdist_make_scheduler(config, log):
    """Send the tests of an `xdist_group` to one worker; xdist 3.8 itself cannot under pytest 9.2.

    A group is a whole file's: `pytestmark = pytest.mark.xdist_group("model")`.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return group(config.rootpath / nodeid.split("::")[0]) or nodeid

    return Together(config, log) if config.getvalue("dist") == "loadgroup" else None


@functools.cache
def group(file):
    """The group that a file of tests says it is of, or None."""
    found = re.search(
        r'^pytestmark = .*xdist_group\("(\w+)"\)', file.read_text("utf-8"), re.MULTILINE
    )
    return found and found[1]
