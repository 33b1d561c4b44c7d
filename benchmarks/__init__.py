"""What the project's parts cost; `make bench` runs them, each also runs alone."""
