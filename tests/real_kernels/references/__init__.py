"""What the candidates have to compute; `_gradients.py` is put in front of those that need it."""
