"""Training: samples, losses, the loop."""
