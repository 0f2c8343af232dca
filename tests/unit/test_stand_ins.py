"""Stand-ins: where rules and members change together, new rules name new members under another name for a moment."""

import pytest

from netlab.plan.difference import NamespaceDifference, SetChange
from netlab.plan.nouns import Chain, FilterRule, IpSet, Match, Table, Target
from netlab.plan.stand_ins import StandIns, stand_in, stand_ins

ONE = IpSet("one", "hash:ip", 4, None, frozenset({"192.0.2.1"}))
TWO = IpSet("two", "hash:net", 4, None, frozenset({"192.0.2.0/24"}))
BECOMES_ONE = SetChange(ONE, frozenset({"192.0.2.1"}), frozenset())


def _table(*asked: str, family: int = 4) -> Table:
    rules = (FilterRule(Target("ACCEPT"), matches=(Match("set", (("match-set", each),)),)) for each in asked)
    plain = FilterRule(Target("DROP"), "one src", matches=(Match("udp", (("dport", "53"),)),))
    return Table(family, "filter", (Chain("FORWARD", (*rules, plain), "DROP"),))


ALIAS = stand_in(ONE).name

CASES = [
    ("source", _table("one src"), _table(f"{ALIAS} src")),
    ("destination", _table("one dst"), _table(f"{ALIAS} dst")),
    ("negated", _table("!one src"), _table(f"!{ALIAS} src")),
    ("beside another set", _table("two src", "one src"), _table("two src", f"{ALIAS} src")),
]


@pytest.mark.parametrize(("planned", "meanwhile"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_a_changed_table_names_the_stand_in_of_a_changed_set(planned: Table, meanwhile: Table) -> None:
    """And is written again as planned; nothing but the name differs."""
    found = stand_ins(NamespaceDifference("card", tables=(planned,), sets_changed=(BECOMES_ONE,)))

    assert found == StandIns((stand_in(ONE),), (meanwhile,), (planned,))


WITHOUT = [
    ("members alone", NamespaceDifference("card", sets_changed=(BECOMES_ONE,)), ()),
    ("rules alone", NamespaceDifference("card", tables=(_table("one src"),)), (_table("one src"),)),
    (
        "rules that name another set",
        NamespaceDifference("card", tables=(_table("two src"),), sets_changed=(BECOMES_ONE,)),
        (_table("two src"),),
    ),
    (
        "rules that name a new set",
        NamespaceDifference("card", tables=(_table("one src"),), sets_created=(ONE,)),
        (_table("one src"),),
    ),
]


@pytest.mark.parametrize(("change", "tables"), [row[1:] for row in WITHOUT], ids=[row[0] for row in WITHOUT])
def test_other_changes_need_no_stand_in(change: NamespaceDifference, tables: tuple[Table, ...]) -> None:
    """Tables are written once, as planned."""
    assert stand_ins(change) == StandIns((), tables, ())


def test_only_tables_that_name_the_set_are_written_again() -> None:
    """The other family's is written once."""
    four, six = _table("one src"), _table("two src", family=6)
    found = stand_ins(NamespaceDifference("card", tables=(four, six), sets_changed=(BECOMES_ONE,)))

    assert found.tables == (_table(f"{ALIAS} src"), six)
    assert found.resumed == (four,)


def test_a_stand_in_is_the_same_set_under_a_name_of_its_own() -> None:
    """The kernel takes the name however long the set's own is; two sets never share one, and it can have one itself."""
    longest = IpSet("s" * 31, "hash:net", 6, None, frozenset({"2001:db8::/32"}))
    names = {stand_in(each).name for each in (ONE, TWO, longest, stand_in(ONE))}

    assert len(names) == 4
    assert max(map(len, names)) <= 31
    assert (stand_in(longest).kind, stand_in(longest).family, stand_in(longest).members) == (
        "hash:net",
        6,
        longest.members,
    )
