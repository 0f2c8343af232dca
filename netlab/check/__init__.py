"""Expectations, stories and reports, played on any Network."""
