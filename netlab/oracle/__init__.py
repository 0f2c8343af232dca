"""MIND ONE: what AWS decides. Evaluation, the connection tables, and a network on paper whose clock can be turned."""
