"""THE QUESTION: packets out, evidence back."""
