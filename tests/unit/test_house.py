"""The house: which room may import which, and what the pure rooms must not know. DESIGN.md, parts 1 and 4."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2] / "netlab"

MAY_IMPORT = {
    "errors": set(),
    "model": {"errors"},
    "formats": {"model"},
    "control": {"model"},
    "oracle": {"control", "model"},
    "plan": {"errors"},
    "compile": {"plan", "model"},
    "kernel": {"plan", "errors"},
    "probe": {"kernel", "plan", "model"},
    "services": {"model"},
    "live": {"control", "compile", "plan", "kernel", "probe", "services", "model"},
    "check": {"model"},
}
EVERY_ROOM = {*MAY_IMPORT, "labs", "cli", "pytest_plugin", "netlab"}
COMPOSERS = {"netlab", "cli", "pytest_plugin"}  # they may import all but kernel
ALWAYS = {"errors"}  # every room raises them

PURE = ["errors", "model", "formats", "control", "oracle", "plan", "compile", "check"]
IMPURE_MODULES = {"os", "socket", "subprocess", "time", "pathlib", "pyroute2", "iptc", "scapy"}


def _room(path: Path) -> str:
    first = path.relative_to(HOUSE).parts[0].removesuffix(".py")
    return "netlab" if first == "__init__" else first


def _files(room: str) -> list[Path]:
    return [path for path in sorted(HOUSE.rglob("*.py")) if _room(path) == room]


def _imports(path: Path) -> Iterator[str]:
    """Yield every dotted module that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module
            yield node.module
            if node.module == "netlab":
                yield from (f"netlab.{alias.name}" for alias in node.names)


def _rooms_imported(path: Path) -> set[str]:
    rooms = set()
    for name in _imports(path):
        root, _, rest = name.partition(".")
        if root == "netlab":
            rooms.add(rest.partition(".")[0] or "netlab")
    return (rooms & EVERY_ROOM) - {_room(path)}


def test_every_file_belongs_to_a_room_of_the_design() -> None:
    """No file and no folder stands outside the house."""
    assert {_room(path) for path in HOUSE.rglob("*.py")} <= EVERY_ROOM


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_the_table_allows(room: str) -> None:
    """The table of DESIGN.md part 4 holds for every import, also those inside functions."""
    found = {str(path.relative_to(HOUSE)): _rooms_imported(path) - MAY_IMPORT[room] - ALWAYS for path in _files(room)}

    assert {name: rooms for name, rooms in found.items() if rooms} == {}


@pytest.mark.parametrize("room", sorted(COMPOSERS))
def test_only_live_and_probe_open_the_door_to_the_kernel(room: str) -> None:
    """The composing rooms import anything but the kernel."""
    assert [path.name for path in _files(room) if "kernel" in _rooms_imported(path)] == []


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_knows_no_file_clock_or_process(room: str) -> None:
    """Words in, words out."""
    found = {
        str(path.relative_to(HOUSE)): {name.partition(".")[0] for name in _imports(path)} & IMPURE_MODULES
        for path in _files(room)
    }

    assert {name: modules for name, modules in found.items() if modules} == {}


def test_the_two_minds_do_not_know_each_other() -> None:
    """`oracle` and `compile` are written apart, so that their agreement means something."""
    assert "oracle" not in MAY_IMPORT["compile"]
    assert not MAY_IMPORT["oracle"] & {"compile", "plan"}
