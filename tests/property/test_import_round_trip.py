"""Whatever groups are imported: the lab file that is written reads back as the same lab, and keeps every rule."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from netlab.control import completed
from netlab.formats import import_files, parse_lab, render_lab

CIDRS = st.sampled_from(["0.0.0.0/0", "10.0.0.0/8", "10.1.2.0/24", "198.51.100.7/32"])
PORTS = st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(sorted)
NAMES = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=60)
KINDS: st.SearchStrategy[dict[str, object]] = st.one_of(
    st.tuples(st.sampled_from(["tcp", "udp", "6"]), PORTS).map(
        lambda each: {"IpProtocol": each[0], "FromPort": each[1][0], "ToPort": each[1][1]}
    ),
    st.tuples(st.sampled_from(["icmp", "icmpv6"]), st.integers(0, 255), st.integers(-1, 255)).map(
        lambda each: {"IpProtocol": each[0], "FromPort": each[1], "ToPort": each[2]}
    ),
    st.sampled_from([{"IpProtocol": "-1"}, {"IpProtocol": "47"}, {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1}]),
)


@st.composite
def _described(draw: st.DrawFn) -> list[dict[str, object]]:
    names = draw(st.lists(NAMES.filter(lambda name: name != "default"), min_size=1, max_size=4, unique=True))
    groups: list[dict[str, object]] = []
    for at, name in enumerate(names):
        permissions: list[dict[str, object]] = []
        for kind in draw(st.lists(KINDS, max_size=3, unique_by=str)):
            ranges: list[object] = [
                {"CidrIp": each, "Description": "x"} for each in draw(st.lists(CIDRS, max_size=2, unique=True))
            ]
            pairs: list[object] = [
                {"GroupId": f"sg-{each}"} for each in draw(st.sets(st.integers(0, len(names) - 1), max_size=2))
            ]
            permissions.append({**kind, "IpRanges": ranges, "UserIdGroupPairs": pairs})
        groups.append({"GroupId": f"sg-{at}", "GroupName": name, "Description": name, "IpPermissions": permissions})
    return groups


def _distinct(groups: list[dict[str, object]]) -> bool:
    """Tell whether no rule stands twice, as 6 and tcp may make it."""
    return "'6'" not in str(groups) or "'tcp'" not in str(groups)


@settings(max_examples=60, deadline=None)
@given(_described().filter(_distinct))
def test_import_write_read_is_the_same_lab(groups: list[dict[str, object]]) -> None:
    """Names of any characters, every kind of protocol, groups that name each other."""
    lab = completed(import_files({"groups.json": json.dumps({"SecurityGroups": groups})}).lab)

    assert completed(parse_lab(render_lab(lab))).groups == lab.groups
    assert sum(len(group.ingress) for name, group in lab.groups.items() if name != "default") == sum(
        len(permission["IpRanges"]) + len(permission["UserIdGroupPairs"])
        for group in groups
        for permission in group["IpPermissions"]  # type: ignore[attr-defined]
    )
