"""TCP's states: what each packet does to a remembered connection, and how long it then lasts."""

import pytest
from oracle_labs import ALL_OUT, lines, paper, probe, verdict_of

from netlab.model.stories import Fields
from netlab.oracle.tcp import Outcome, TcpKind, TcpState, kind_of, opened, step

# packets after the first SYN, > original, < reply     ; state
WALKS = """
                                                       ; SYN_SENT
>S                                                     ; SYN_SENT
<SA                                                    ; SYN_RECV
<SA <SA                                                ; SYN_RECV
<SA >A                                                 ; ESTABLISHED
<SA >PA <PA                                            ; ESTABLISHED
<SA >A >S                                              ; ESTABLISHED
<SA >A >FA                                             ; FIN_WAIT
<SA >A <FA                                             ; FIN_WAIT
<SA >A >FA <A                                          ; CLOSE_WAIT
<SA >A >FA <A <FA                                      ; LAST_ACK
<SA >A >FA <FA                                         ; LAST_ACK
<SA >A >FA <A <FA >A                                   ; TIME_WAIT
<SA >A <FA >FA <A                                      ; TIME_WAIT
<SA >A >R                                              ; CLOSE
<SA >A <R                                              ; CLOSE
<SA >A <RA >PA                                         ; CLOSE
<SA >A <R >S                                           ; CLOSE
<SA >A <R >S <SA                                       ; SYN_RECV
<SA >A >R >S                                           ; reopened
<SA >A >FA <FA >A >S                                   ; reopened
<SA >A >FA <FA >A <S                                   ; reopened
<S                                                     ; SYN_SENT2
<S >SA                                                 ; SYN_RECV
<S >SA <SA                                             ; SYN_RECV
<S >SA <SA <A                                          ; ESTABLISHED
<S <SA >A                                              ; ESTABLISHED
<R                                                     ; ended
<RA                                                    ; ended
>R                                                     ; ended
>A                                                     ; invalid
>FA                                                    ; invalid
<FA                                                    ; invalid
<A                                                     ; SYN_SENT
<SA >A >SA                                             ; invalid
<SA >A <S                                              ; invalid
<SA >A >F                                              ; invalid
<SA >A >SF                                             ; invalid
"""


@pytest.mark.parametrize("line", lines(WALKS))
def test_a_connection_goes_through_linux_s_states(line: str) -> None:
    """Each line a walk from a first SYN, and where it ends."""
    packets, _, wanted = line.partition(";")
    memory, outcome = opened(TcpKind.SYN), Outcome.CARRIED
    for packet in packets.split():
        assert outcome in {Outcome.CARRIED, Outcome.IGNORED}
        outcome, memory = step(memory, packet[1:], reply=packet[0] == "<")

    found = memory.state.value if outcome in {Outcome.CARRIED, Outcome.IGNORED} else outcome.value
    assert found == wanted.strip()


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        ("S", TcpKind.SYN),
        ("SP", TcpKind.SYN),
        ("SA", TcpKind.SYN_ACK),
        ("A", TcpKind.ACK),
        ("PA", TcpKind.ACK),
        ("AU", TcpKind.ACK),
        ("FA", TcpKind.FIN),
        ("FPA", TcpKind.FIN),
        ("R", TcpKind.RST),
        ("RA", TcpKind.RST),
        ("", None),
        ("P", None),
        ("F", None),
        ("SF", None),
        ("SR", None),
        ("FSRPAU", None),
    ],
)
def test_flags_make_a_kind_or_nothing(flags: str, kind: TcpKind | None) -> None:
    """Combinations no sender sends are no part of any connection."""
    assert kind_of(flags) is kind


def test_a_connection_picked_up_in_its_middle_is_established() -> None:
    """Its SYN was not seen."""
    assert opened(TcpKind.ACK).state is TcpState.ESTABLISHED


# packets after the first SYN                   ; its timer
TIMERS = """
                                                ; 120
<S                                              ; 120
<SA                                             ; 60
<SA >A                                          ; 432000
<SA >A >FA                                      ; 120
<SA >A >FA <A                                   ; 60
<SA >A >FA <A <FA                               ; 30
<SA >A >FA <A <FA >A                            ; 120
<SA >A >R                                       ; 10
"""


@pytest.mark.parametrize("line", lines(TIMERS))
def test_each_state_has_its_own_timer(line: str) -> None:
    """A connection that was closed is forgotten soon; only an unclosed one lingers."""
    packets, _, seconds = line.partition(";")
    for early, wanted in ((1, "TRACKED"), (0, "card ec2 ingress NO_RULE")):
        net = paper(ALL_OUT)
        flow = probe(net, "ec2 www tcp/443", Fields(flags="S"))
        for packet in packets.split():
            (flow.send if packet[0] == ">" else flow.reply)(flags=packet[1:])
        assert [round(entry.left_s) for entry in net.flows("ec2")] == [int(seconds)]
        net.wait(int(seconds) - early)

        assert verdict_of(flow.reply(flags="SA" if not packets.strip() else "R")) == wanted


def test_a_refusal_ends_the_connection_behind_it() -> None:
    """The RST comes in; a second one belongs to nothing."""
    net = paper(ALL_OUT)
    flow = probe(net, "ec2 www tcp/443", Fields(flags="S"))

    assert verdict_of(flow.reply(flags="RA")) == "TRACKED"
    assert verdict_of(flow.reply(flags="RA")) == "card ec2 ingress NO_RULE"


def test_a_closed_connection_s_ports_may_be_used_again() -> None:
    """A new SYN is judged as a new connection's."""
    net = paper(ALL_OUT)
    flow = probe(net, "ec2 www tcp/443")
    flow.send(flags="R")
    net.revoke("web", egress="all to 0.0.0.0/0")

    assert verdict_of(flow.send(flags="A")) == "TRACKED"
    assert verdict_of(flow.send(flags="R")) == "TRACKED"
    assert verdict_of(flow.send(flags="S")) == "card ec2 egress NO_RULE"


def test_a_packet_that_is_no_part_of_the_connection_is_judged_by_the_rules() -> None:
    """It neither passes on the entry nor changes it."""
    net = paper(ALL_OUT)
    flow = probe(net, "ec2 www tcp/443")

    assert verdict_of(flow.reply(flags="SF")) == "card ec2 ingress NO_RULE"
    assert flow.send(flags="SF").observation.deciding.passages[0].reason.name == "UNTRACKED"
    assert [entry.state for entry in net.flows("ec2")] == ["ESTABLISHED"]
