"""
netlab: a piece of AWS on one Linux kernel.

    lab = netlab.load("lab.yaml")
    with netlab.running(lab) as net:               # real namespaces, gone at the end
        login = net.open("laptop", "ec2", tcp=22)
        assert login.seen is netlab.Seen.DELIVERED

The rooms are put together here; the heavy ones are imported where they are needed, so that importing netlab is quick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from netlab import errors
from netlab.model.network import Flow, Network
from netlab.model.topology import Lab
from netlab.model.verdicts import Decision, Reason, Seen, Verdict
from netlab.model.wire import Entry, Wire

if TYPE_CHECKING:
    from netlab.formats import Replacement

__version__ = "0.1.0"
__all__ = [
    "Decision",
    "Entry",
    "Flow",
    "Lab",
    "Network",
    "Reason",
    "Seen",
    "Verdict",
    "built_in_labs",
    "errors",
    "import_lab",
    "in_lockstep",
    "known_parameters",
    "load",
    "paper",
    "replace_groups",
    "running",
]

REAL_SUFFIXES = frozenset({".json", ".template", ".yaml", ".yml"})
"""What the names of real files in a folder end in; others there are not looked at."""


def built_in_labs() -> tuple[str, ...]:
    """Return the names of the labs that come with netlab, sorted."""
    folder = resources.files("netlab.labs")
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load(lab: str | Path, *more: str | Path, parameters: Mapping[str, str] | None = None) -> Lab:
    """
    Read a lab: a file's path, the name of a built-in lab, or a folder of real files.

    What AWS, CloudFormation or Terraform gives is imported; the lab's warnings say what netlab does not model.

    Args:
        more: Further real files, which make one lab with the first.
        parameters: Values of parameters of templates.

    Raises:
        InputError: There is no such lab, or no template has one of the parameters.
        LabFileError: The file holds mistakes, or what AWS's quotas refuse; the error has all of them.
    """
    from netlab.formats import is_real_file  # noqa: PLC0415 - see the module's docstring

    if not more and _is_built_in(lab):
        text = resources.files("netlab.labs").joinpath(f"{lab}.yaml").read_text(encoding="utf-8")
        return _read_lab(text, f"{lab}.yaml", None, parameters)
    if more or Path(lab).is_dir():
        found, unmodelled = import_lab((lab, *more), parameters)
        return replace(found, warnings=unmodelled)
    known = ", ".join(built_in_labs())
    text = _text_of(lab, f"lab {str(lab)!r}: no such file, nor a built-in lab; built in are {known}")
    if is_real_file(text):
        found, unmodelled = import_lab([lab], parameters)
        return replace(found, warnings=unmodelled)
    return _read_lab(text, str(lab), lambda name: _text_of(Path(lab).parent / name), parameters)


def known_parameters(labs: Iterable[str | Path], parameters: Mapping[str, str]) -> frozenset[str]:
    """Return which parameters the templates of labs have, given these: files, folders, what lab files import."""
    from netlab.formats import imports_of, is_real_file  # noqa: PLC0415 - see the module's docstring
    from netlab.formats import known_parameters as known_to  # noqa: PLC0415

    texts: dict[str, str] = {}
    for lab in labs:
        if _is_built_in(lab):
            continue
        for file, text in _texts_of([lab]).items():
            own = [] if is_real_file(text) else [Path(file).parent / name for name in imports_of(text)]
            texts |= _texts_of(own or [file])
    return known_to(texts, parameters)


def _is_built_in(lab: str | Path) -> bool:
    return str(lab) in built_in_labs() and not Path(lab).is_file()


def _read_lab(text: str, file: str, reader: Callable[[str], str] | None, parameters: Mapping[str, str] | None) -> Lab:
    """Read a lab file and fill it in; what AWS refuses of it is told together, each with its line."""
    from netlab.formats import line_in, parse_lab  # noqa: PLC0415 - see the module's docstring

    return _completed(parse_lab(text, file, reader, parameters), lambda place: (file, line_in(text, place)))


def _completed(lab: Lab, source: Callable[[tuple[str, ...]], tuple[str, int]]) -> Lab:
    """Fill a lab in; what AWS refuses of it is told together. *source* tells file and line of a part of the lab."""
    from netlab.control import completed, refusals  # noqa: PLC0415 - see the module's docstring

    try:
        return completed(lab)
    except errors.RefusedError:
        mistakes = (errors.Mistake(*source(each.place), each.subject, str(each.refused)) for each in refusals(lab))
        raise errors.LabFileError(tuple(mistakes)) from None


def import_lab(files: Iterable[str | Path], parameters: Mapping[str, str] | None = None) -> tuple[Lab, tuple[str, ...]]:
    """
    Make one lab of real files: ``aws ec2 describe-…``, CloudFormation, ``terraform show -json``.

    Args:
        files: Or folders of them.
        parameters: Values of templates' parameters.

    Returns:
        The lab, and what the files hold and netlab does not model, a line each.

    Raises:
        InputError: A file cannot be read.
        LabFileError: Files hold mistakes, or what AWS's quotas refuse; the error has all of them.
    """
    from netlab.formats import import_files  # noqa: PLC0415 - see the module's docstring

    imported = import_files(_texts_of(files), parameters)
    return _completed(imported.lab, imported.source), imported.unmodelled


def replace_groups(
    lab: Lab, files: Iterable[str | Path], parameters: Mapping[str, str] | None = None
) -> tuple[Lab, Replacement]:
    """
    Put the security groups of real files in place of a lab's own of the same name; others are added.

    Returns:
        The lab, and which groups were replaced.

    Raises:
        InputError: A file cannot be read, or no group has the name of one of the lab's.
        LabFileError: Files hold mistakes, or what AWS's quotas refuse; the error has all of them.
    """
    from netlab.formats import import_files, replacement_of  # noqa: PLC0415 - see the module's docstring
    from netlab.formats import replace_groups as replaced  # noqa: PLC0415

    imported = import_files(_texts_of(files), parameters, furnish=False, cidr=lab.vpc.cidr)
    found = replacement_of(lab, imported.lab)
    lab = _completed(replaced(lab, imported.lab), imported.source)
    return replace(lab, warnings=(*lab.warnings, *imported.unmodelled)), found


def _texts_of(files: Iterable[str | Path]) -> dict[str, str]:
    """Return the texts of files, and of those in folders, by their names; what cannot be read is told together."""
    texts: dict[str, str] = {}
    mistakes: list[errors.Mistake] = []
    for file in files:
        with _noted(mistakes):
            for each in _files_in(file):
                with _noted(mistakes):
                    texts[str(each)] = _text_of(each)
    if mistakes:
        raise errors.LabFileError(tuple(mistakes))
    return texts


@contextmanager
def _noted(mistakes: list[errors.Mistake]) -> Iterator[None]:
    """Note the mistakes of a file, and go on."""
    try:
        yield
    except errors.LabFileError as error:
        mistakes += error.mistakes


def _files_in(file: str | Path) -> list[str | Path]:
    """Return the files of a folder that can be real ones, by their names' endings; a file stands for itself."""
    if not Path(file).is_dir():
        return [file]
    inside: list[str | Path] = [*sorted(each for each in Path(file).iterdir() if each.suffix in REAL_SUFFIXES)]
    if not inside:
        wanted = f"wanted files in it that end in {', '.join(sorted(REAL_SUFFIXES))}"
        raise errors.LabFileError((errors.Mistake(str(file), 0, "", f"found a folder without real files, {wanted}"),))
    return inside


def _text_of(file: str | Path, missing: str = "") -> str:
    """Return a file's text; *missing* is what to say where there is no such file."""
    line, problem = 0, ""
    try:
        data = Path(file).read_bytes()
        return data.decode().replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        if missing:
            raise errors.InputError(missing) from None
        problem = "no such file"
    except IsADirectoryError:
        problem = "cannot be read: it is a folder, wanted a file"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = "text in UTF-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else f"the byte 0x{data[error.start]:02x}"
        problem = f"found {found}, wanted text in UTF-8"
    raise errors.LabFileError((errors.Mistake(str(file), line, "", problem),))


@contextmanager
def paper(lab: Lab) -> Iterator[Network]:
    """Play a lab on paper: no root, no packets, a clock that `wait` turns."""
    from netlab.oracle.paper import PaperWire  # noqa: PLC0415

    yield Network(PaperWire(lab))


@contextmanager
def running(
    lab: Lab, *, lockstep: bool = False, keep_failed: bool = False, progress: Callable[[str], None] = lambda _: None
) -> Iterator[Network]:
    """
    Build a throw-away copy of a lab in the kernel; it is gone at the end, also after an error.

    Args:
        lockstep: Put every packet to the oracle too, and say where the two differ.
        keep_failed: Leave it up where the network's ``failed`` was set.
        progress: Told what is built next, in a few words.

    Raises:
        MachineError: The machine lacks something, root included.
        KernelError: The kernel refused.
    """
    from netlab.live.lab import throw_away  # noqa: PLC0415

    with throw_away(lab, progress) as wire:
        network = in_lockstep(wire) if lockstep else Network(wire)
        yield network
        wire.keep = keep_failed and network.failed


def in_lockstep(wire: Wire) -> Network:
    """Return the network of a wire in the kernel, every packet of which is put to the oracle too."""
    from netlab.check.lockstep import LockstepWire  # noqa: PLC0415
    from netlab.oracle.paper import PaperWire  # noqa: PLC0415

    return Network(LockstepWire(wire, PaperWire(wire.lab)))
