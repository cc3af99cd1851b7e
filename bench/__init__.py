"""What protection costs, as ratios against a named other in the same run."""
