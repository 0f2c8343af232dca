"""What hosts serve, as data: programs, files, ports, ready-checks."""

from netlab.services.catalogue import services_of
from netlab.services.files import METADATA, lab_files, layout_of, write_files
from netlab.services.keys import Keys, make_keys
from netlab.services.metadata import metadata_text
from netlab.services.nouns import File, Layout, Service
from netlab.services.ssh import ssh_argv

__all__ = [
    "METADATA",
    "File",
    "Keys",
    "Layout",
    "Service",
    "lab_files",
    "layout_of",
    "make_keys",
    "metadata_text",
    "services_of",
    "ssh_argv",
    "write_files",
]
