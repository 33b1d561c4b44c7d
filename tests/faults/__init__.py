"""Seeded faults: realistic bugs in honest kernels, and whether the judge finds every one that can be found."""
