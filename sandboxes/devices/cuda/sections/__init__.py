"""Sections: what NVIDIA's and Triton's own profilers say about a candidate that is right, for people who want more."""
