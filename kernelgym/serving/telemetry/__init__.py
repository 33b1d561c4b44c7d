"""What serving says of itself: lines of a log, and numbers for Prometheus."""
