"""MIND TWO: from a Lab to a Plan."""
