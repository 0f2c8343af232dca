"""`netlab matrix`, `diff`, `schema`, and `check --evidence`: what they print, what they end with, what they leave."""

import json

import pytest
from netlab_machine import STATEFUL, Machine

CHANGED = STATEFUL.replace("tcp: 22, from: 0.0.0.0/0", "tcp: 80, from: 0.0.0.0/0").partition("expect:")[0]

ONE_LINE = [
    ("matrix nolab", "lab 'nolab': no such file, nor a built-in lab"),
    ("matrix", "matrix: missing argument"),
    ("matrix --paper stateful --ports tcp/22-23", "'tcp/22-23': wanted one port"),
    ("matrix --paper stateful --ports ,", "--ports: found nothing, wanted traffic"),
    ("matrix --paper stateful --ports tcp/22 --all-rules", "found --ports and --all-rules, wanted one of them"),
    ("diff stateful", "diff: missing argument"),
    ("diff --paper stateful nolab", "lab 'nolab'"),
    ("diff --paper --flows stateful references", "--flows: the topology differs, so no flow lives on: subnet public"),
    ("schema nothing", "'nothing' is not one of"),
    ("check --paper --evidence kept stateful", "found --paper and --evidence, wanted one of them"),
]


@pytest.mark.parametrize(("command", "says"), ONE_LINE)
def test_bad_input_is_one_line_and_exit_2(own: Machine, command: str, says: str) -> None:
    """Before anything is built."""
    done = own.netlab(*command.split())

    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert says in done.err


def test_the_matrix_is_a_grid_of_eighty_columns(own: Machine) -> None:
    """On real packets; each mark is explained below, and nothing is left of the lab."""
    done = own.netlab("matrix", "stateful", "--ports", "tcp/22,tcp/80")

    assert (done.code, done.err) == (0, "")
    assert "from laptop +2            tcp/22  tcp/80\n" in done.out
    assert "  ec2                     +2      -in\n" in done.out
    assert "+2    sgr-ssh: web ingress tcp/22 from 0.0.0.0/0\n" in done.out
    assert done.out.endswith("stateful: 4 places, 24 questions: 21 delivered, 3 lost\n")
    assert max(map(len, done.out.splitlines())) <= 80
    assert own.traces() == []


def test_the_matrix_is_the_same_on_paper_and_without_root(own: Machine) -> None:
    """As JSON, cell by cell; each a row of ``expect:``."""
    real = own.netlab("matrix", "stateful", "--all-rules", "--json")
    paper = own.as_nobody("matrix", "stateful", "--all-rules", "--json", "--paper")
    found = json.loads(real.out)

    assert (real.code, paper.code) == (0, 0)
    assert json.loads(paper.out) == found
    assert {"from": "laptop", "to": "ec2", "tcp": 22, "family": 4, "seen": "delivered", "by": "sgr-ssh",
            "reason": "UNTRACKED"} in found["cells"]  # fmt: skip
    assert {"from": "laptop", "to": "ec2", "tcp": 23, "family": 4, "seen": "lost", "at": "card ec2 ingress",
            "reason": "NO_RULE"} in found["cells"]  # fmt: skip


def test_diff_holds_a_merge_where_something_changed(own: Machine) -> None:
    """Exit 1 with what is opened, closed and cut; exit 0 where nothing is."""
    changed = own.netlab("diff", "stateful", own.write("changed.yaml", CHANGED), "--flows")
    same = own.netlab("diff", "stateful", "stateful", "--flows")

    assert (changed.code, same.code) == (1, 0)
    assert "newly reached:\n  laptop, www.alphavantage.co, stranger to ec2 tcp/80: delivered" in changed.out
    assert "newly cut:\n  laptop, www.alphavantage.co, stranger to ec2 tcp/22: lost at card ec2" in changed.out
    assert "open flows, untracked: 3 cut\n" in changed.out
    assert "open flows, tracked: 18 kept\n" in same.out
    assert own.traces() == []


def test_diff_asks_from_a_network_that_nobody_is_in(own: Machine) -> None:
    """A stand-in in it reaches, one beside it does not; a rule that nobody can use is told; flows of all are opened."""
    rules = "{tcp: 80, from: 203.0.113.0/26}\n      - {tcp: 81, from: 10.0.99.0/24}\n      - {tcp: 22, from: 0.0.0.0/0"
    office = own.write("office.yaml", STATEFUL.replace("{tcp: 22, from: 0.0.0.0/0", rules, 1).partition("expect:")[0])
    done, only = (own.netlab("diff", "stateful", office, *more) for more in (["--flows"], ["--ports", "tcp/22"]))

    assert (done.code, only.code) == (1, 1)
    assert "newly reached:\n  in-203.0.113.0_26 to ec2 tcp/80: delivered by web-in-" in done.out
    assert "in-203.0.113.0_26 = 203.0.113.1, a stand-in in 203.0.113.0/26\n" in done.out
    assert "but nobody here can use it: + web ingress tcp/81 from 10.0.99.0/24:" in " ".join(done.out.split())
    assert "but nobody asked about it: + web ingress tcp/80 from 203.0.113.0/26:" in " ".join(only.out.split())
    assert max(map(len, [*done.out.splitlines(), *only.out.splitlines()])) <= 80
    assert own.traces() == []


def test_the_schema_is_json_and_needs_no_root(own: Machine) -> None:
    """Of the lab file where none is named."""
    done, named = own.as_nobody("schema"), own.as_nobody("schema", "lab")

    assert (done.code, done.out) == (0, named.out)
    assert json.loads(done.out)["title"] == "netlab lab file"


def test_evidence_is_kept_of_every_row_and_story(own: Machine) -> None:
    """A folder each below the lab's, with packets, records, counters and report; and the tools' versions."""
    done = own.netlab("check", "stateful", "--evidence", "kept", "-k", "tcp/22", "-k", "another port")
    folders = sorted((own.folder / "kept" / "stateful").iterdir())

    assert done.code == 0
    assert json.loads((own.folder / "kept" / "versions.json").read_text(encoding="utf-8"))["kernel"]
    assert [folder.name for folder in folders] == [
        "01-laptop-to-ec2-tcp-22",
        "02-stranger-to-ec2-tcp-22",
        "03-an-answer-from-another-port-is-no-answer",
    ]
    assert {frozenset(file.name for file in folder.iterdir()) for folder in folders} == {
        frozenset({"packets.pcapng", "records.json", "counters.json", "report.txt"})
    }
    assert own.traces() == []
