"""What `scripts/calibrate.py` trains and how it scores: each module is a part of it."""
