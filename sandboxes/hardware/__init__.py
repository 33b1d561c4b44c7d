"""Target GPUs as data, occupancy, and the model that prices a trace."""
