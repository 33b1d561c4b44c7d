"""The HTTP front: FastAPI over an engine, with tokens, limits and a status page."""
