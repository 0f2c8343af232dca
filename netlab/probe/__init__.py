"""THE QUESTION: packets out, evidence back."""

from netlab.probe.experiment import Prober

__all__ = ["Prober"]
