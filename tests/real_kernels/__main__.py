"""Measures every kernel and writes the table of docs/executor.md; fails if one is not as the catalogue says."""

import sys

from tests.real_kernels.catalogue import KERNELS
from tests.real_kernels.measuring import measure
from tests.real_kernels.table import DOCUMENT, rewritten

measurements = measure([kernel for kernel in KERNELS if not sys.argv[1:] or kernel.name in sys.argv[1:]])
for item in measurements:
    mark = " " if item.as_expected else "!"
    print(f"{mark} {item.kernel.suite}/{item.kernel.title} {item.dtype}: {item.words}", flush=True)
unexpected = [item for item in measurements if not item.as_expected]
if unexpected:
    sys.exit(f"{len(unexpected)} of {len(measurements)} are not as the catalogue says")
if not sys.argv[1:]:
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(rewritten(text, measurements), encoding="utf-8")
