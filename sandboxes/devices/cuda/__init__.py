"""The real GPU as a device: kernels run on it, guarded, and are timed next to the reference."""
