"""One thread a test process: many short parallel steps wait for each other on busy cores, and lose a factor of four."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
