"""
Real files to a lab: what `aws ec2 describe-…` prints, CloudFormation templates, `terraform show -json`.

Which kind a file is shows in its content. Several files make one lab.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network

from netlab.errors import InputError, LabFileError, Mistake
from netlab.formats.assemble import assemble
from netlab.formats.cloudformation import is_template, read_templates
from netlab.formats.describe import SIGNATURES, describes, read_describe
from netlab.formats.import_facts import Facts
from netlab.formats.import_places import Place
from netlab.formats.import_text import Document, read_document
from netlab.formats.import_words import plain_name
from netlab.formats.terraform import is_terraform, read_terraform
from netlab.formats.words import shown
from netlab.model.rules import Direction, Rule, SecurityGroup
from netlab.model.topology import Lab

WANTED = "wanted what `aws ec2 describe-…` or `terraform show -json` prints, or a CloudFormation template"


@dataclass(frozen=True, slots=True)
class Imported:
    """
    What files came to.

    Attributes:
        lab: As parse_lab returns one: not completed yet.
        unmodelled: What the files hold and netlab does not model, each once, with its place.
        vpc_known: The files give the VPC; else its network is made up.
        places: Where parts of the lab stand in the files, by a field of Lab, a name, and parts within.
    """

    lab: Lab
    unmodelled: tuple[str, ...] = ()
    vpc_known: bool = True
    places: Mapping[tuple[str, ...], Place] = field(default_factory=dict)

    def source(self, part: tuple[str, ...]) -> tuple[str, int]:
        """Return file and line of a part of the lab, or of the nearest part around it; of none, the first file's."""
        while part and part not in self.places:
            part = part[:-1]
        place = self.places.get(part) or Place(next(iter(self.places.values())).file if self.places else "")
        said = place.says("")
        return said.file, said.line


@dataclass(frozen=True, slots=True)
class Replacement:
    """
    Which groups an import put in place of a lab's own; names, in the order of the lab, then of the import.

    Attributes:
        own: Of the lab, and not in the import: they stay.
        added: Of the import, and not in the lab: no interface has them.
    """

    replaced: tuple[str, ...]
    own: tuple[str, ...]
    added: tuple[str, ...]


def import_files(
    files: Mapping[str, str],
    parameters: Mapping[str, str] | None = None,
    *,
    furnish: bool = True,
    cidr: IPv4Network | None = None,
) -> Imported:
    """
    Make a lab of real files.

    Args:
        files: Texts, by the names that messages give them.
        parameters: Values of templates' parameters.
        furnish: Give every group without an interface an instance, and the lab a host on the internet.
        cidr: The VPC's network where the files do not give it.

    Raises:
        LabFileError: Files hold mistakes, or no template has one of the parameters; all of them are in it.
        InputError: There is no file.
    """
    if not files:
        raise InputError("found no file to import, wanted at least one")
    facts = _facts_of(files, parameters or {})
    if facts.mistakes:
        raise LabFileError(tuple(dict.fromkeys(facts.mistakes)))
    if not (facts.groups or facts.nodes or facts.listings or facts.late_rules):
        raise LabFileError((Mistake(next(iter(files)), 0, "", "found no security group and nothing that carries one"),))
    lab, land = assemble(facts, _lab_name(files), furnish=furnish, cidr=cidr)
    return Imported(lab, tuple(facts.unmodelled), land.vpc_known, land.places)


def _facts_of(files: Mapping[str, str], parameters: Mapping[str, str]) -> Facts:
    """Return what the files say, and what is wrong with them."""
    facts = Facts()
    documents = _documents(files, facts)
    known = read_templates([each for each in documents if _is_template(each)], facts, parameters)
    for document in documents:
        try:
            _read(document, facts)
        except InputError as error:
            facts.mistakes.append(Mistake(document.file, 0, "", str(error)))
    unread = len(documents) < len(files)
    strange = () if unread else sorted({*parameters} - known)  # a file that is not read may have them
    for name in strange:
        there = ", ".join(sorted(known)) or "none"
        facts.mistakes.append(Mistake("", 0, f"parameter {name}", f"no template has it; there are {there}"))
    return facts


def known_parameters(files: Mapping[str, str], parameters: Mapping[str, str]) -> frozenset[str]:
    """Return the names of the parameters that templates among some files have; what cannot be read has none."""
    facts = Facts()
    documents = _documents(files, facts)
    return frozenset(read_templates([each for each in documents if _is_template(each)], facts, parameters))


def is_real_file(text: str) -> bool:
    """Tell whether a text is one that can be imported, not a lab file."""
    if text.lstrip("\ufeff \t\r\n")[:1] not in {"{", "["} and not re.search(
        r"^[\"']?Resources[\"']?\s*:", text, re.MULTILINE
    ):
        return False
    try:
        tree = read_document(text, "").tree
    except LabFileError:
        return False
    listed = (
        isinstance(tree, list) and bool(tree) and isinstance(tree[0], dict) and bool(SIGNATURES.keys() & tree[0].keys())
    )
    return listed or is_terraform(tree) or is_template(tree) or describes(tree)


def _documents(files: Mapping[str, str], facts: Facts) -> list[Document]:
    """Return the files' data, without what commands and ``--query`` put around it; note what cannot be read."""
    documents = []
    for file, text in files.items():
        try:
            document = read_document(text, file)
        except LabFileError as error:
            facts.mistakes += error.mistakes
            continue
        facts.mistakes += document.mistakes
        documents.append(_unwrapped(document))
    return documents


def _unwrapped(document: Document) -> Document:
    tree, line_of = document.tree, document.line_of
    if isinstance(tree, dict) and isinstance(tree.get("TemplateBody"), dict):
        return Document(document.file, tree["TemplateBody"], lambda path: line_of(("TemplateBody", *path)))
    if isinstance(tree, list) and tree and isinstance(tree[0], dict):
        section = next((name for key, name in SIGNATURES.items() if key in tree[0]), None)
        return Document(document.file, {section: tree}, lambda path: line_of(path[1:])) if section else document
    return document


def _is_template(document: Document) -> bool:
    return is_template(document.tree) and not is_terraform(document.tree)


def _read(document: Document, facts: Facts) -> None:
    """Read one file into *facts*; templates are there already."""
    if is_terraform(document.tree):
        read_terraform(document, facts)
    elif _is_template(document):
        return
    elif describes(document.tree):
        read_describe(document, facts)
    else:
        facts.mistakes.append(Mistake(document.file, 0, "", f"found {_sort(document.tree)}, {WANTED}"))


def _sort(tree: object) -> str:
    if isinstance(tree, dict):
        if "terraform_version" in tree and "resources" in tree:
            return "a raw Terraform state (run `terraform show -json` on it)"
        return f"a mapping of {', '.join(map(str, list(tree)[:5])) or 'nothing'}"
    return shown(tree)


def _lab_name(files: Mapping[str, str]) -> str:
    stem = next(iter(files)).replace("\\", "/").rpartition("/")[2]
    return plain_name(stem.partition(".")[0] or stem, "imported")


def replacement_of(lab: Lab, imported: Lab) -> Replacement:
    """Return which groups `replace_groups` replaces."""
    return Replacement(
        tuple(name for name in lab.groups if name in imported.groups),
        tuple(name for name in lab.groups if name not in imported.groups),
        tuple(name for name in imported.groups if name not in lab.groups),
    )


def replace_groups(lab: Lab, imported: Lab) -> Lab:
    """
    Put the groups and prefix lists of an import in place of the lab's own of the same name; others are added.

    A rule that stays the same keeps the id it has in the lab, unless the import knows a better one.

    Raises:
        InputError: No group of the import has the name of one of the lab's.
    """
    if not imported.groups.keys() & lab.groups.keys():
        theirs, own = ", ".join(imported.groups) or "none", ", ".join(lab.groups) or "none"
        raise InputError(f"groups: found {theirs}, none of which has the name of one of the lab's: {own}")
    kept = {name: group for name, group in lab.groups.items() if name not in imported.groups}
    taken = {rule.id for group in kept.values() for rule in (*group.ingress, *group.egress)}
    groups = dict(lab.groups)
    for name, group in imported.groups.items():
        old = lab.groups.get(name, SecurityGroup(name))
        groups[name] = replace(
            group,
            ingress=_with_ids(group, old, Direction.INGRESS, taken),
            egress=_with_ids(group, old, Direction.EGRESS, taken),
            aws_id=group.aws_id or old.aws_id,
        )
    return replace(lab, groups=groups, prefix_lists={**lab.prefix_lists, **imported.prefix_lists})


def _with_ids(group: SecurityGroup, old: SecurityGroup, direction: Direction, taken: set[str]) -> tuple[Rule, ...]:
    ids = {rule.properties: rule.id for rule in old.rules(direction)}
    rules = []
    for rule in group.rules(direction):
        identity = rule.id or ids.get(rule.properties, "")
        identity = "" if identity in taken else identity
        taken |= {identity} - {""}
        rules.append(replace(rule, id=identity))
    return tuple(rules)
