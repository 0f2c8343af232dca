"""TEXT <-> WORDS: lab files and real files of AWS to and from the words of the model."""

from netlab.formats.bring_in import imports_of
from netlab.formats.imported import (
    Imported,
    Replacement,
    import_files,
    is_real_file,
    known_parameters,
    replace_groups,
    replacement_of,
)
from netlab.formats.lab_file import line_in, parse_lab
from netlab.formats.render import render_lab

__all__ = [
    "Imported",
    "Replacement",
    "import_files",
    "imports_of",
    "is_real_file",
    "known_parameters",
    "line_in",
    "parse_lab",
    "render_lab",
    "replace_groups",
    "replacement_of",
]
