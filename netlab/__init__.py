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

from netlab import errors
from netlab.model.network import Flow, Network
from netlab.model.topology import Lab
from netlab.model.verdicts import Decision, Reason, Seen, Verdict
from netlab.model.wire import Entry, Wire

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
    "load",
    "paper",
    "replace_groups",
    "running",
]


def built_in_labs() -> tuple[str, ...]:
    """Return the names of the labs that come with netlab, sorted."""
    folder = resources.files("netlab.labs")
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load(lab: str | Path) -> Lab:
    """
    Read a lab: a file's path, or the name of a built-in lab.

    A file that AWS, CloudFormation or Terraform gives is imported; the lab's warnings say what netlab does not model.

    Raises:
        InputError: There is neither.
        LabFileError: The file holds mistakes, or what AWS's quotas refuse; the error has all of them.
    """
    from netlab.formats import is_real_file  # noqa: PLC0415 - see the module's docstring

    if str(lab) in built_in_labs() and not Path(lab).is_file():
        text = resources.files("netlab.labs").joinpath(f"{lab}.yaml").read_text(encoding="utf-8")
        return _read_lab(text, f"{lab}.yaml")
    known = ", ".join(built_in_labs())
    text = _text_of(lab, f"lab {str(lab)!r}: no such file, nor a built-in lab; built in are {known}")
    if is_real_file(text):
        found, unmodelled = import_lab([lab])
        return replace(found, warnings=unmodelled)
    folder = Path(lab).parent
    return _read_lab(text, str(lab), lambda name: _text_of(folder / name))


def _read_lab(text: str, file: str, reader: Callable[[str], str] | None = None) -> Lab:
    """Read a lab file and fill it in; what AWS refuses of it is told together, each with its line."""
    from netlab.formats import line_in, parse_lab  # noqa: PLC0415 - see the module's docstring

    return _completed(parse_lab(text, file, reader), lambda place: (file, line_in(text, place)))


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


def replace_groups(lab: Lab, files: Iterable[str | Path], parameters: Mapping[str, str] | None = None) -> Lab:
    """
    Put the security groups of real files in place of a lab's own of the same name; others are added.

    Raises:
        InputError: A file cannot be read, or no group has the name of one of the lab's.
        LabFileError: Files hold mistakes, or what AWS's quotas refuse; the error has all of them.
    """
    from netlab.formats import import_files  # noqa: PLC0415 - see the module's docstring
    from netlab.formats import replace_groups as replaced  # noqa: PLC0415

    imported = import_files(_texts_of(files), parameters, furnish=False, cidr=lab.vpc.cidr)
    lab = _completed(replaced(lab, imported.lab), imported.source)
    return replace(lab, warnings=(*lab.warnings, *imported.unmodelled))


def _texts_of(files: Iterable[str | Path]) -> dict[str, str]:
    """Return the texts of files by their names; those that cannot be read are told together."""
    texts: dict[str, str] = {}
    mistakes: list[errors.Mistake] = []
    for file in files:
        try:
            texts[str(file)] = _text_of(file)
        except errors.LabFileError as error:
            mistakes += error.mistakes
    if mistakes:
        raise errors.LabFileError(tuple(mistakes))
    return texts


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
