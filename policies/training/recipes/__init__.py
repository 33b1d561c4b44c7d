"""What `kernelgym train` is told, checked whole before anything is loaded."""
