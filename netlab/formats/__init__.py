"""TEXT <-> WORDS: lab files and real files of AWS to and from the words of the model."""

from netlab.formats.imported import Imported, import_files, is_real_file, replace_groups
from netlab.formats.lab_file import line_in, parse_lab
from netlab.formats.render import render_lab

__all__ = ["Imported", "import_files", "is_real_file", "line_in", "parse_lab", "render_lab", "replace_groups"]
