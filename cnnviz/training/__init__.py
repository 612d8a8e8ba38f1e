"""Training runs: settings, the loop, and what is seen of it."""
