"""From addresses to traffic: coalescing, what the L2 cache keeps, atomics that meet."""
