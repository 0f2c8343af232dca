"""WHAT THE API ACCEPTS: Lab × Change → Lab or a refusal with AWS's code; defaults, normalising, quotas."""

from netlab.control.apply import apply
from netlab.control.complete import LabRefusal, completed, refusals
from netlab.control.difference import LabDifference, difference

__all__ = ["LabDifference", "LabRefusal", "apply", "completed", "difference", "refusals"]
