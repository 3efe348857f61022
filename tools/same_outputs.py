"""A pytest plugin beside nbval: what a cell gives is what is stored, to the byte.

nbval leaves images, metadata and the order of outputs uncompared. Here nothing is, save what
`tools.notebooks run` drops, so that one run of a notebook serves both checks.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from nbval.plugin import IPyNbCell, coalesce_streams  # type: ignore[import-untyped]

from tools import notebooks


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[Any]:
    """Compare once nbval has run the cell and found no fault."""
    result = yield
    if isinstance(item, IPyNbCell):
        new, stored = item.test_outputs, coalesce_streams(item.cell.outputs)
        notebooks.clean_outputs(new)
        for output in [*new, *stored]:
            output.pop("execution_count", None)  # nbval counts nothing; `check` looks at it
        if new != stored:
            item.raise_cell_error("Outputs differ to the byte", f"stored: {stored}\nnew: {new}")
    return result
