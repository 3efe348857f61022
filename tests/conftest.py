"""Before torch is loaded: threads that wait do not spin, since tests share the cores with a browser."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
