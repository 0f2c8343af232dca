"""TEXT <-> WORDS: lab files to and from the words of the model."""

from netlab.formats.lab_file import parse_lab
from netlab.formats.render import render_lab

__all__ = ["parse_lab", "render_lab"]
