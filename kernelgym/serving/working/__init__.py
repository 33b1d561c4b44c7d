"""What each worker does, whoever hosts it: jobs one after the other, with a sign of life."""
