"""Before torch is loaded: threads that wait do not spin, for tests share cores with a browser."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
