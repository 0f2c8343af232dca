"""WHAT THE API ACCEPTS: a lab and a change make the next lab, or a refusal with AWS's code."""
