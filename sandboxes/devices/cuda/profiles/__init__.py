"""Where a candidate's time goes, and what the GPU could reach."""
