"""MIND ONE: what AWS decides, on paper."""
