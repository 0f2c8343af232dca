"""
``import:`` of a lab file: what other files give, put into the lab file's data before it is read.

So rules, instances and expectations of the lab file may name what the other files define. How files are got is the
reader's business, what they mean is imported.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Network

from netlab.errors import InputError, LabFileError
from netlab.formats.imported import Imported, import_files
from netlab.formats.render import lab_data
from netlab.formats.sheet import Sheet
from netlab.formats.words import shown
from netlab.formats.yaml_reader import read_yaml
from netlab.model.addresses import cidr_from_text

Reader = Callable[[str], str]
"""Returns the text of a file by the name that a lab file gives it; raises InputError where there is none."""

_SECTIONS = (
    "subnets",
    "security_groups",
    "prefix_lists",
    "network_acls",
    "nat_gateways",
    "instances",
    "hosts",
)


def imports_of(text: str) -> tuple[str, ...]:
    """Return the files that a lab file imports, as it names them; what is wrong with it does not matter here."""
    files = Sheet("", read_yaml(text)).get(("import",))
    return tuple(each for each in (files if isinstance(files, list) else [files]) if isinstance(each, str))


def bring_in(sheet: Sheet, reader: Reader | None, parameters: Mapping[str, str] | None = None) -> bool:
    """
    Put what the files of ``import:`` give into the sheet's data; what is defined twice is a mistake.

    Returns:
        Whether the files could be read; where not, names that they define would be missed in vain.

    Raises:
        InputError: No template has one of the parameters.
    """
    tree = sheet.reading.tree
    files = sheet.get(("import",))
    if not isinstance(tree, dict) or files is None:
        if parameters:
            raise InputError(f"parameter {next(iter(parameters))}: no template has it: {sheet.file} imports none")
        return True
    texts = _texts(sheet, [files] if isinstance(files, str) else files, reader)
    if texts is None:
        return False
    if not texts:
        return True
    try:
        imported = import_files(texts, parameters, furnish=not tree.get("instances"), cidr=_own_network(sheet))
    except LabFileError as error:
        sheet.mistakes += error.mistakes
        return False
    sheet.warnings += imported.unmodelled
    data = lab_data(imported.lab)
    _add_vpc(sheet, tree, data, imported)
    for section in _SECTIONS:
        new = data.get(section, {})
        if isinstance(new, dict) and new and not (section == "hosts" and tree.get("hosts")):
            _add_section(sheet, tree, section, new)
    return True


def _texts(sheet: Sheet, files: object, reader: Reader | None) -> dict[str, str] | None:
    """Return the texts of the files; None where one cannot be got."""
    texts: dict[str, str | None] = {}
    for name in files if isinstance(files, list) else ():
        if not isinstance(name, str):
            sheet.wrong(("import",), f"found {shown(name)}, wanted the name of a file")
            return None
        if reader is None:
            sheet.wrong(("import",), f"found {shown(name)}, but files cannot be read from here")
            return None
        texts[name] = sheet.take(("import",), reader, name)
    known = {name: text for name, text in texts.items() if text is not None}
    return known if len(known) == len(texts) else None


def _own_network(sheet: Sheet) -> IPv4Network | None:
    """Return the lab file's own network, if it has one that can be read."""
    text = sheet.get(("vpc", "cidr"))
    try:
        cidr = cidr_from_text(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return cidr if isinstance(cidr, IPv4Network) else None


def _add_vpc(sheet: Sheet, tree: dict[str, object], data: dict[str, object], imported: Imported) -> None:
    if tree.get("vpc") is None:
        tree["vpc"] = _as_text(data["vpc"])
        sheet.reading.lines["vpc",] = sheet.line(("import",))
    elif imported.vpc_known and _own_network(sheet) not in {None, imported.lab.vpc.cidr}:
        sheet.wrong(("vpc", "cidr"), f"found {sheet.get(('vpc', 'cidr'))}, but import: gives {imported.lab.vpc.cidr}")


def _add_section(sheet: Sheet, tree: dict[str, object], section: str, new: dict[str, object]) -> None:
    own = tree.get(section) or {}
    if not isinstance(own, dict):
        return
    for name in new.keys() & own.keys():
        sheet.wrong((section, name), "is defined here and in a file of import:")
    tree[section] = {**{name: _as_text(each) for name, each in new.items()}, **own}
    sheet.reading.lines.setdefault((section,), sheet.line(("import",)))
    for name in new:
        sheet.reading.lines.setdefault((section, name), sheet.line(("import",)))


def _as_text(data: object) -> object:
    """Return data as a lab file's reader gives it: numbers are text."""
    if isinstance(data, dict):
        return {str(key): _as_text(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_as_text(each) for each in data]
    return data if data is None or isinstance(data, str | bool) else str(data)
