"""`kernelgym worker`: the light parent, Celery's processes below it, and how both end."""
