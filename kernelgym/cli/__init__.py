"""The command line."""

from kernelgym.cli.app import app, main

__all__ = ["app", "main"]
