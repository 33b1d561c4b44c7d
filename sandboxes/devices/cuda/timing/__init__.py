"""How long a candidate and its reference take, so that neither noise nor a candidate can bend it."""
