"""TTIR on the CPU: parser, typed IR, grid-vectorised executor, memory sanitizer."""
