"""Law: whatever stands in a lab file, it is a lab or a list of mistakes, never another error."""

# ruff: noqa: E501 (tables of words)

import copy
import json
from importlib import resources
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netlab.errors import LabFileError
from netlab.formats import parse_lab, render_lab
from netlab.formats.yaml_reader import read_yaml
from netlab.model.topology import Lab

Path = tuple[Any, ...]


def _tree(name: str) -> Any:
    return read_yaml(resources.files("netlab.labs").joinpath(f"{name}.yaml").read_text(encoding="utf-8")).tree


TREES = [_tree(name) for name in ("stateful", "references", "acl", "ipv6")]
WORDS = [
    "", "self", "all", "ec2", "web", "db", "laptop", "default", "10.0.1.10", "10.0.1.0/24", "::/0", "0.0.0.0/0", "22",
    "-1", "65536", "3/4", "lost", "refused", "true", "eth1", "ec2/eth9", "ec2:public", "card ec2 ingress", "RULE", "31s",
    "strict", "2001:db8::1", "tcp", "icmp", "ssh", "²", "９", "a" * 50, "1" * 30, "%", "fe80::1%eth0", "{}", "\n",
]  # fmt: skip
KEYS = [
    "tcp", "icmp", "protocol", "from", "to", "seen", "real", "family", "src", "flags", "size", "ip", "ipv6", "nat", "acl",
    "routes", "interfaces", "refused", "add", "remove", "ingress", "egress", "holds", "nonsense", "subnet", "public_ip",
    "a\nb", "open", "send", "error", "type", "table", "wait", "by", "at", "reason", "connection_tracking", "max_entries",
]  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(WORDS) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def _paths(data: Any, path: Path = ()) -> list[Path]:
    entries: list[tuple[Any, Any]] = []
    if isinstance(data, dict):
        entries = list(data.items())
    elif isinstance(data, list):
        entries = list(enumerate(data))
    return [path, *(each for key, value in entries for each in _paths(value, (*path, key)))]


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """Draw a right lab in which some parts have been taken out, put in or replaced."""
    tree = copy.deepcopy(draw(st.sampled_from(TREES)))
    for _ in range(draw(st.integers(1, 4))):
        *above, last = draw(st.sampled_from(_paths(tree)[1:]))
        holder = tree
        for key in above:
            holder = holder[key]
        deed = draw(st.sampled_from(["replace", "remove", "add"]))
        if deed == "replace":
            holder[last] = draw(values)
        elif deed == "remove" and (above or len(tree) > 1):
            del holder[last]
        elif isinstance(holder, dict):
            holder[draw(st.sampled_from(KEYS))] = draw(values)
    return tree


def _read(text: str) -> Lab | None:
    try:
        lab = parse_lab(text)
    except LabFileError as error:
        lines = str(error).splitlines()
        mistakes = len(error.mistakes)
    else:
        return lab
    assert len(lines) == mistakes > 0
    return None


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damaged())
def test_a_damaged_lab_is_a_lab_or_mistakes_of_one_line_each(tree: Any) -> None:
    """And what is still a lab can be written and read again."""
    lab = _read(json.dumps(tree, ensure_ascii=False))

    if lab is not None:
        assert parse_lab(render_lab(lab)).name == lab.name


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40) | st.text("{}[]:,- \n\t'\"&*!|>%@#abc0", max_size=40))
def test_any_text_is_mistakes_of_one_line_each(text: str) -> None:
    """Also what is no YAML at all."""
    assert _read(text) is None
