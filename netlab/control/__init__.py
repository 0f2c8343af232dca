"""WHAT THE API ACCEPTS: Lab × Change → Lab or a refusal with AWS's code; defaults, normalising, quotas."""

from netlab.control.apply import apply
from netlab.control.complete import completed
from netlab.control.difference import LabDifference, difference

__all__ = ["LabDifference", "apply", "completed", "difference"]
