"""Makes small problems of large ones: the same source, with smaller integers."""
