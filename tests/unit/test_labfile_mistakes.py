"""
What a lab file must not say. Each case changes one fragment of a right file: once so that it stays right (the near
miss), once so that it is wrong, with the one line that says so.
"""

# ruff: noqa: E501 (one case, one line)

import pytest

from netlab.errors import LabFileError
from netlab.formats import parse_lab

BASE = """\
name: full
vpc: {cidr: 10.0.0.0/16, ipv6_cidr: "2001:db8:0:100::/56"}
subnets:
  public: {cidr: 10.0.1.0/24, ipv6_cidr: "2001:db8:0:101::/64", internet: true}
  private: {cidr: 10.0.2.0/24, acl: strict, nat: out}
  plain: {cidr: 10.0.3.0/24, routes: {192.0.2.0/24: router/eth1}}
security_groups:
  web:
    ingress:
      - {tcp: 22, from: 0.0.0.0/0, description: log in, id: sgr-ssh}
      - {icmp: 3/4, from: offices, id: sgr-pmtu}
      - {protocol: gre, from: db}
    egress:
      - {tcp: 8000-8080, to: 10.0.0.0/8, id: sgr-out}
  db: {ingress: [{udp: all, from: self}]}
prefix_lists:
  offices: {max_entries: 3, entries: [198.51.100.0/24, 192.0.2.0/24]}
network_acls:
  strict:
    ingress:
      - {rule: 100, tcp: 22, from: 0.0.0.0/0, action: allow}
      - {rule: 200, protocol: all, from: 0.0.0.0/0, action: deny}
    egress: []
nat_gateways:
  out: {subnet: public, public_ip: 203.0.113.99, ip: 10.0.1.99}
instances:
  ec2: {subnet: public, ip: 10.0.1.10, ipv6: "2001:db8:0:101::10", public_ip: 3.95.203.191, security_groups: [web]}
  inner:
    subnet: private
    ip: [10.0.2.10, 10.0.2.11]
    services: [ssh, http]
    connection_tracking: {tcp_established: 600, udp: 45, udp_stream: 90}
    conntrack_allowance: 1000
  router:
    interfaces:
      eth0: {subnet: public}
      eth1: {subnet: private, source_dest_check: false}
hosts:
  laptop: {ip: [198.51.100.7, "2001:db8:ffff::7"]}
  stranger: {ip: 192.0.2.66, services: [quotes], spoof: true}
timers: {scale: 1}
expect:
  - {from: laptop, to: ec2, tcp: 22, seen: delivered, by: sgr-ssh, reason: RULE}
  - {from: laptop, to: ec2, tcp: 80, family: 4, seen: lost, at: card ec2 ingress}
  - {from: laptop, to: ec2, icmp: 8, real: true, seen: refused}
stories:
  one:
    - {open: login, from: laptop, to: ec2, tcp: 22, flags: S, sport: 40000, seen: delivered}
    - {send: login, src: 198.51.100.8, size: 100, seen: lost}
    - {reply: login, seen: delivered}
    - {error: login, type: 3/4, from: laptop, to: ec2, seen: delivered}
    - {open: gre, from: ec2, to: laptop, protocol: 47, seen: lost}
    - {authorize: web, ingress: {tcp: 80, from: 0.0.0.0/0}}
    - {revoke: web, ingress: {tcp: 81, from: 0.0.0.0/0}}
    - {attach: ec2, security_groups: [web, db]}
    - {acl: strict, add: {ingress: {rule: 50, tcp: 22, from: 0.0.0.0/0, action: deny}}}
    - {acl: strict, remove: {ingress: {rule: 50}}}
    - {prefix_list: offices, add: 203.0.113.0/24}
    - {wait: 31s}
    - {table: ec2, holds: [login], lacks: [gre]}
"""

GATES = (
    "card NODE ingress|egress|source-dest-check|allowance, acl NAME ingress|egress, vpc route, igw, nat NAME, "
    "mtu or internet"
)
REASONS = (
    "RULE, NO_RULE, TRACKED, RELATED, UNTRACKED, EXEMPT, ACL, SPOOFED, ALLOWANCE, NO_ROUTE, NO_PUBLIC_ADDRESS, MTU"
)
STEPS = "open, send, reply, error, authorize, revoke, attach, acl, prefix_list, wait, table"
NAME = "cannot be a name: wanted letters, digits and . _ -, beginning with a letter or digit"

# fragment; as it may be; as it must not be; what is said then
CASES = [
    # --- names
    ("name: full", "name: Full-2.0_x", "name: my lab", f"name: 'my lab' {NAME}"),
    ("name: full", f"name: {'x' * 40}", f"name: {'x' * 41}", f"name: '{'x' * 41}' cannot be a name: it has 41 characters, at most 40 are allowed"),
    ("  db: {ingress", "  db: {egress: [], ingress", "  all: {}\n  db: {ingress", "all: 'all' cannot be a name: it is reserved"),
    ("  plain: {", "  p: {", "  10.0.0.1: {", "10.0.0.1: '10.0.0.1' cannot be a name: it is an address"),
    ("  laptop: {ip: [", "  www.example.org: {ip: 192.0.2.9}\n  laptop: {ip: [", "  ec2: {ip: 192.0.2.9}\n  laptop: {ip: [", "ec2: is the name of an instance already; the two share their names"),
    ("  offices: {", "  homes: {}\n  offices: {", "  db: {}\n  offices: {", "db: is the name of a security group already; the two share their names"),
    ("  db: {ingress", "  sg-0a1f: {}\n  db: {ingress", "  sg-mine: {}\n  db: {ingress", "sg-mine: 'sg-mine' cannot be a group's name: AWS keeps 'sg-' for ids"),
    ("  db: {ingress", "  my-sg-web: {}\n  db: {ingress", "  SG-0a1f: {}\n  db: {ingress", "SG-0a1f: 'SG-0a1f' cannot be a group's name: AWS keeps 'sg-' for ids"),
    ("  db: {ingress", "  web2: {}\n  db: {ingress", "  Web: {}\n  db: {ingress", "Web: differs only in case from 'web', the group of line 8 (AWS: InvalidGroup.Duplicate)"),
    ("  db: {ingress", "  default: {}\n  db: {ingress", "  Default: {}\n  db: {ingress", "Default: differs only in case from 'default', the VPC's own group (AWS: InvalidGroup.Duplicate)"),
    # --- keys and kinds
    ("timers: {scale: 1}", "timers: {}", "timer: {scale: 1}", "timer: is no key here; did you mean 'timers'?"),
    ("  laptop: {ip:", "  laptop: {spoof: false, ip:", "  laptop: {spof: false, ip:", "laptop: spof: is no key here; did you mean 'spoof'?"),
    ("  public: {cidr: 10.0.1.0/24,", "  public: {cidr: 10.0.1.0/24,", "  public: {", "public: cidr: is missing, wanted an IPv4 network, as in 10.0.1.0/24"),
    ("spoof: true", "spoof: false", "spoof: yes", "stranger: spoof: found 'yes', wanted true or false"),
    ("services: [ssh, http]", "services: []", "services: ssh", "inner: services: found 'ssh', wanted a list of services"),
    ("description: log in", "description: no", "description: true", "web ingress: description: found true, wanted text (in quotes, where YAML reads something else)"),
    ("description: log in", "description: 0-9 ok", "description: it's", "web ingress: description: found \"'\", wanted letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*, as AWS does"),
    ("{subnet: public}\n", "{subnet: public}\n", "nothing\n", "router/eth0: found 'nothing', wanted a mapping (key: value)"),
    ("description: log in", "description: in", "tcp: 23", "web ingress: tcp: stands here a second time, first in line 10"),
    # --- rules
    ("- {tcp: 22, from: 0.0.0.0/0, desc", '- {tcp: "65535", from: 0.0.0.0/0, desc', "- {tcp: 65536, from: 0.0.0.0/0, desc", "web ingress: tcp: 65536 is above 65535"),
    ("tcp: 8000-8080", "tcp: 22-22", "tcp: 22-21", "web egress: tcp: 22-21 ends before it starts"),
    ("tcp: 8000-8080", "tcp: all", "tcp: 22:25", "web egress: tcp: found '22:25', wanted a port (22), a range (8000-8080) or all"),
    ("tcp: 8000-8080", "tcp: 0", "tcp: -1", "web egress: tcp: found '-1', wanted a port (22), a range (8000-8080) or all"),
    ("icmp: 3/4", "icmp: 255/255", "icmp: 256", "web ingress: icmp: 256 is above 255"),
    ("icmp: 3/4", "icmp: all", "icmp: 3-4", "web ingress: icmp: found '3-4', wanted a type (8), a type and code (3/4) or all"),
    ("protocol: gre", "protocol: 47", "protocol: gree", "web ingress: protocol: found 'gree', wanted all, a number from 0 to 255 or IANA's name; did you mean 'gre'?"),
    ("protocol: gre", "protocol: 255", "protocol: 256", "web ingress: protocol: 256 is above 255"),
    ("protocol: gre", "protocol: all", "protocol: 6", "web ingress: protocol: found '6', wanted its own key, tcp:"),
    ("{tcp: 8000-8080, to", "{udp: 8000-8080, to", "{tcp: 8000-8080, udp: 1, to", "web egress: found tcp and udp, wanted exactly one of tcp, udp, icmp, icmpv6, protocol"),
    ("{tcp: 8000-8080, to", "{protocol: all, to", "{to", "web egress: found no protocol, wanted exactly one of tcp, udp, icmp, icmpv6, protocol"),
    ("to: 10.0.0.0/8", "to: self", "from: 10.0.0.0/8", "web egress: from: found 'from:', wanted 'to:' in egress"),
    ("{udp: all, from: self}", "{udp: all, from: db}", "{udp: all, to: self}", "db ingress: to: found 'to:', wanted 'from:' in ingress"),
    ("{udp: all, from: self}", '{udp: all, from: "::/0"}', "{udp: all}", "db ingress: from: is missing, wanted a network, a group, a prefix list or self"),
    ("to: 10.0.0.0/8", "to: 10.0.0.0/32", "to: 10.0.0.x/8", "web egress: to: found '10.0.0.x/8', wanted a network, as in 10.0.0.0/8 or 2001:db8::/32"),
    ("to: 10.0.0.0/8", "to: 0.0.0.0/0", "to: 10.0.0.0/33", "web egress: to: found '10.0.0.0/33', wanted a network, as in 10.0.0.0/8 or 2001:db8::/32"),
    ("to: 10.0.0.0/8", "to: 10.0.0.0/8", "to: 10.0.0.0/255.0.0.0", "web egress: to: found '10.0.0.0/255.0.0.0', wanted a network, as in 10.0.0.0/8 or 2001:db8::/32"),
    ("to: 10.0.0.0/8", "to: 10.0.0.1/32", "to: 10.0.0.1", "web egress: to: found the address 10.0.0.1, wanted a network: 10.0.0.1/32"),
    ("from: offices", "from: default", "from: ofices", "web ingress: from: no security group or prefix list 'ofices'; did you mean 'offices'?"),
    ("id: sgr-out", "id: A.b_c-9", "id: sgr-ssh", "web egress: id: 'sgr-ssh' is the id of the rule in line 10 already"),
    ("id: sgr-out", f"id: {'i' * 40}", f"id: {'i' * 41}", f"web egress: id: found '{'i' * 41}', wanted 1 to 40 letters, digits and . _ -"),
    ("- {protocol: gre, from: db}", "- {tcp: 23, from: 0.0.0.0/0}", "- {tcp: 22, from: 0.0.0.0/0}", "web ingress: 'tcp/22 from 0.0.0.0/0' is the rule of line 10 again"),
    # --- prefix lists
    ("[198.51.100.0/24, 192.0.2.0/24]", "[198.51.100.0/25, 198.51.100.128/25]", '[198.51.100.0/24, "2001:db8::/32"]', "offices: entries: found IPv4 and IPv6, wanted one family a list"),
    ("max_entries: 3", "max_entries: 2", "max_entries: 1", "offices: entries: found 2 entries, wanted at most 1"),
    ("max_entries: 3", "max_entries: 1000", "max_entries: 1001", "offices: max_entries: 1001 is above 1000"),
    (", 192.0.2.0/24]", ", 192.0.0.0/24]", ", 198.51.100.0/24]", "offices: entries: 198.51.100.0/24 is in the list already"),
    # --- network ACLs
    ("{rule: 200, p", "{rule: 32766, p", "{rule: 32767, p", "acl strict ingress: rule: 32767 is above 32766"),
    ("{rule: 200, p", "{rule: 1, p", "{rule: 0, p", "acl strict ingress: rule: 0 is below 1"),
    ("{rule: 200, p", "{rule: 99, p", "{rule: 100, p", "acl strict ingress: rule: 100 is the entry of line 21 already"),
    ("action: deny}\n    egress", "action: allow}\n    egress", "action: drop}\n    egress", "acl strict ingress: action: found 'drop', wanted allow or deny"),
    ("{rule: 100, tcp: 22, from: 0.0.0.0/0", '{rule: 100, tcp: 22, from: "::/0"', "{rule: 100, tcp: 22, from: web/0", "acl strict ingress: from: found 'web/0', wanted a network, as in 10.0.0.0/8 or 2001:db8::/32"),
    # --- networks
    ("cidr: 10.0.0.0/16,", "cidr: 10.0.0.0/16,", "cidr: 10.0.0.0/8,", "vpc: cidr: found 10.0.0.0/8, wanted a prefix from /16 to /28, as AWS does"),
    ("cidr: 10.0.3.0/24", "cidr: 10.0.3.0/25", "cidr: 10.0.2.128/25", "plain: cidr: 10.0.2.128/25 overlaps subnet private's 10.0.2.0/24"),
    ("cidr: 10.0.3.0/24", "cidr: 10.0.255.0/24", "cidr: 10.1.0.0/24", "plain: cidr: 10.1.0.0/24 is outside the VPC's 10.0.0.0/16"),
    ("acl: strict, nat: out", 'ipv6_cidr: "2001:db8:0:1ff::/64"', 'ipv6_cidr: "2001:db8:0:200::/64"', "private: ipv6_cidr: 2001:db8:0:200::/64 is outside the VPC's 2001:db8:0:100::/56"),
    ("acl: strict, nat: out", "acl: default, nat: out", "acl: strickt, nat: out", "private: acl: no network ACL 'strickt'; did you mean 'strict'?"),
    ("acl: strict, nat: out", "acl: strict", "acl: strict, nat: outt", "private: nat: no NAT gateway 'outt'; did you mean 'out'?"),
    ("nat: out}", "nat: out, internet: false}", "nat: out, internet: true}", "private: nat: found nat and internet: true, wanted one route for everything else"),
    ("router/eth1}", "router}", "router/eth2}", "plain: routes 192.0.2.0/24: no interface of router 'eth2'; did you mean 'eth1'?"),
    ("router/eth1}", "ec2}", "laptop}", "plain: routes 192.0.2.0/24: no instance 'laptop'; there are ec2, inner, router"),
    ("{192.0.2.0/24: router/eth1}", "{192.0.2.0/25: ec2, 192.0.2.128/25: ec2}", "{192.0.2.0/24: ec2, 192.0.2.9/24: ec2}", "plain: routes 192.0.2.9/24: 192.0.2.0/24 has a route already"),
    ("{subnet: public, public_ip: 203.0.113.99", "{subnet: public, public_ip: 203.0.113.98", "{subnet: pubic, public_ip: 203.0.113.99", "nat out: subnet: no subnet 'pubic'; did you mean 'public'?"),
    # --- instances and hosts
    ("ec2: {subnet: public", "ec2: {subnet: public", "ec2: {subnet: publik", "ec2: subnet: no subnet 'publik'; did you mean 'public'?"),
    ("ip: 10.0.1.10,", "ip: 10.0.1.4,", "ip: 10.0.1.3,", "ec2: ip: 10.0.1.3 is reserved: AWS keeps the first four addresses of 10.0.1.0/24 and the last"),
    ("ip: 10.0.1.10,", "ip: 10.0.1.254,", "ip: 10.0.1.255,", "ec2: ip: 10.0.1.255 is reserved: AWS keeps the first four addresses of 10.0.1.0/24 and the last"),
    ("ip: 10.0.1.10,", "ip: 10.0.1.98,", "ip: 10.0.1.99,", "ec2: ip: 10.0.1.99 is NAT gateway out's already"),
    ("ip: 10.0.1.10,", "ip: 10.0.1.11,", "ip: 10.0.4.11,", "ec2: ip: 10.0.4.11 is outside subnet public's 10.0.1.0/24"),
    ("ip: 10.0.1.10,", "ip: 10.0.1.11,", 'ip: "2001:db8:0:101::11",', "ec2: ip: found the IPv6 address 2001:db8:0:101::11, wanted IPv4"),
    ("ip: 10.0.1.10,", "ip: 10.0.1.11,", "ip: 10.0.1.256,", "ec2: ip: found '10.0.1.256', wanted an address, as in 10.0.1.10"),
    ('ipv6: "2001:db8:0:101::10"', 'ipv6: "2001:db8:0:101::4"', 'ipv6: "2001:db8:0:101::3"', "ec2: ipv6: 2001:db8:0:101::3 is reserved: AWS keeps the first four addresses of 2001:db8:0:101::/64 and the last"),
    ("[10.0.2.10, 10.0.2.11]", "[10.0.2.10, 10.0.2.12]", "[10.0.2.10, 10.0.2.10]", "inner: ip: 10.0.2.10 is inner's already"),
    ("    conntrack_allowance: 1000", "    conntrack_allowance: 1", '    ipv6: "2001:db8:0:102::9"', "inner: ipv6: found 2001:db8:0:102::9, but subnet private has no ipv6_cidr"),
    ("    conntrack_allowance: 1000", "    conntrack_allowance: 1", "    conntrack_allowance: 0", "inner: conntrack_allowance: 0 is below 1"),
    ("public_ip: 3.95.203.191", "public_ip: 203.0.113.98", "public_ip: 203.0.113.99", "ec2: public_ip: 203.0.113.99 is NAT gateway out's already"),
    ("public_ip: 3.95.203.191", "public_ip: 3.95.203.192", "public_ip: 10.0.9.9", "ec2: public_ip: 10.0.9.9 lies in the VPC's 10.0.0.0/16, wanted an address on the internet"),
    ("ip: 192.0.2.66", "ip: 192.0.2.67", "ip: 3.95.203.191", "stranger: ip: 3.95.203.191 is ec2's already"),
    ("ip: 192.0.2.66", "ip: 192.0.2.67", "ip: 224.0.0.1", "stranger: ip: 224.0.0.1 is no address of one host on the internet"),
    ("ip: 192.0.2.66", 'ip: "2001:db8:ffff::8"', 'ip: "2001:db8:ffff::7"', "stranger: ip: 2001:db8:ffff::7 is host laptop's already"),
    ("security_groups: [web]}", "security_groups: [web, default]}", "security_groups: [wbe]}", "ec2: security_groups: no security group 'wbe'; did you mean 'web'?"),
    ("security_groups: [web]}", "security_groups: [db]}", "security_groups: []}", "ec2: security_groups: found an empty list, wanted at least one group (left out = the default one)"),
    ("services: [ssh, http]", "services: [ssh, dns]", "services: [ssh, htp]", "inner: services: no service 'htp'; did you mean 'http'?"),
    ("services: [ssh, http]", "services: [http, https]", "services: [https, quotes]", "inner: services: quotes and https both listen on port 443, wanted one of them"),
    ("tcp_established: 600", "tcp_established: 60", "tcp_established: 59", "inner: connection_tracking tcp_established: 59 is below 60"),
    ("tcp_established: 600", "tcp_established: 432000", "tcp_established: 432001", "inner: connection_tracking tcp_established: 432001 is above 432000"),
    ("udp: 45", "udp: 30", "udp: 29", "inner: connection_tracking udp: 29 is below 30"),
    ("udp: 45", "udp: 60", "udp: 61", "inner: connection_tracking udp: 61 is above 60"),
    ("udp_stream: 90", "udp_stream: 60", "udp_stream: 59", "inner: connection_tracking udp_stream: 59 is below 60"),
    ("udp_stream: 90", "udp_stream: 180", "udp_stream: 181", "inner: connection_tracking udp_stream: 181 is above 180"),
    ("      eth0: {subnet: public}", "      eth2: {subnet: public}", "      lan0: {subnet: public}", "router/lan0: found 'lan0', wanted eth0, eth1 …"),
    ("scale: 1}", "scale: 10}", "scale: 0}", "timers: scale: found '0', wanted a factor from 0.0001 to 1000, as in 0.1"),
    # --- expectations
    ("seen: delivered, by: sgr-ssh", "seen: delivered, by: sgr-pmtu", "by: sgr-ssh", "expect row 1: seen: is missing, wanted delivered, lost or (with real: true) refused"),
    ("seen: delivered, by: sgr-ssh", "seen: lost, by: sgr-ssh, reason: NO_RULE}  #", "seen: deliverd, by: sgr-ssh", "expect row 1: seen: found 'deliverd', wanted one of delivered, lost, refused; did you mean 'delivered'?"),
    ("by: sgr-ssh", "by: web-in-3", "by: sgr-shh", "expect row 1: by: no rule has the id 'sgr-shh'; did you mean 'sgr-ssh'?"),
    ("reason: RULE", "reason: UNTRACKED", "reason: UNTRAKED", f"expect row 1: reason: found 'UNTRAKED', wanted one of {REASONS}; did you mean 'UNTRACKED'?"),
    ("reason: RULE", "reason: TRACKED", "reason: NO_RULE", "expect row 1: reason: NO_RULE is never the reason of a packet delivered"),
    ("at: card ec2 ingress", "at: card router/eth1 allowance", "at: card ec2 ingres", f"expect row 2: at: found 'card ec2 ingres', wanted {GATES}"),
    ("at: card ec2 ingress", "at: card inner egress", "at: card laptop ingress", "expect row 2: at: no instance 'laptop'; there are ec2, inner, router"),
    ("at: card ec2 ingress", "at: acl strict egress", "at: acl strikt egress", "expect row 2: at: no network ACL 'strikt'; did you mean 'strict'?"),
    ("at: card ec2 ingress", "at: nat out", "at: nat in", "expect row 2: at: no NAT gateway 'in'; there are out"),
    ("family: 4", "family: 6", "family: 5", "expect row 2: family: found '5', wanted one of 4, 6"),
    ("real: true, seen: refused", "real: true, seen: lost", "seen: refused", "expect row 3: seen: found refused without real: true, wanted delivered or lost"),
    ("icmp: 8, real", "udp: 7, real", "icmp: 3, real", "expect row 3: real: found real: true, wanted it only with tcp, udp or an echo request"),
    ("tcp: 80, family: 4", "tcp: 80, family: 6", "tcp: 80-81, family: 4", "expect row 2: tcp: found '80-81', wanted one port, as in 22"),
    ("to: ec2, tcp: 80", 'to: "ec2:public", tcp: 80', "to: ec3, tcp: 80", "expect row 2: to: no instance or host 'ec3'; did you mean 'ec2'?"),
    ("to: ec2, tcp: 80", "to: router/eth1, tcp: 80", "to: router/eth2, tcp: 80", "expect row 2: to: place 'router/eth2': router has no interface 'eth2', it has eth0, eth1"),
    ("from: laptop, to: ec2, icmp: 8", "from: laptop, to: ec2, icmp: 8/0", 'from: "2001:db8:ffff::7", to: ec2, icmp: 8', "expect row 3: 2001:db8:ffff::7 and ec2: they do not share IPv4"),
    ("from: laptop, to: ec2, tcp: 80, family: 4", "from: stranger, to: ec2, tcp: 80, family: 4", "from: stranger, to: ec2, tcp: 80, family: 6", "expect row 2: stranger and ec2: they do not share IPv6"),
    ("tcp: 80, family: 4", "protocol: 43, family: 4", "protocol: 43, family: 6", "expect row 2: protocol: found 43, in IPv6 an extension header, wanted what stands behind one"),
    ("from: laptop, to: ec2, tcp: 80", "from: 198.51.100.7, to: ec2, tcp: 80", "from: 198.51.100.9, to: ec2, tcp: 80", "expect row 2: place '198.51.100.9': nobody in the lab has that address, so nothing can be sent from it"),
    # --- stories
    ("{send: login,", "{send: login,", "{send: logn,", "story 'one', step 2: send: no open flow 'logn'; did you mean 'login'?"),
    ("    - {send: login,", "    - {wait: 1}\n    - {send: login,", "    - {open: login, from: laptop, to: ec2, tcp: 1, seen: lost}\n    - {send: login,", "story 'one', step 2: open: the flow 'login' is open already"),
    ("{wait: 31s}", "{wait: 500ms}", "{wait: soon}", "story 'one', step 12: wait: found 'soon', wanted a time, as in 31s, 500ms or 2m"),
    ("{wait: 31s}", "{wait: 2m}", "{wait: 31 s}", "story 'one', step 12: wait: found '31 s', wanted a time, as in 31s, 500ms or 2m"),
    ("{wait: 31s}", "{wait: 0.5}", "{wiat: 31s}", f"story 'one', step 12: found wiat, wanted exactly one of {STEPS}"),
    ("{reply: login, seen: delivered}", "{reply: login, seen: lost}", "{reply: login}", "story 'one', step 3: seen: is missing, wanted delivered, lost or (with real: true) refused"),
    ("flags: S,", "flags: AS,", "flags: SX,", "story 'one', step 1: flags: found 'SX', wanted letters of FSRPAU, each once, as in SA"),
    ("protocol: 47,", "protocol: esp,", "protocol: 47, flags: S,", "story 'one', step 5: flags: found TCP flags, the flow is not TCP's"),
    ("protocol: 47,", "udp: 47, dport: 5,", "protocol: 47, dport: 5,", "story 'one', step 5: dport: found a port, the flow's protocol has none"),
    ("protocol: 47,", "icmp: 8, sport: 5,", "protocol: all,", "story 'one', step 5: protocol: found 'all', wanted one protocol"),
    ("src: 198.51.100.8", "src: 192.0.2.1", 'src: "2001:db8::8"', "story 'one', step 2: src: found 2001:db8::8, but the flow is IPv4's"),
    ("size: 100", "size: 65000", "size: 65001", "story 'one', step 2: size: 65001 is above 65000"),
    ("type: 3/4", "type: 11", "type: 8", "story 'one', step 4: type: 8 is no ICMP error, wanted one of the types 3, 4, 5, 11, 12"),
    ("from: laptop, to: ec2, seen", "from: stranger, to: laptop, seen", "from: laptop, to: stranger, seen", "story 'one', step 4: to: stranger is neither end of the flow 'login'"),
    ("{authorize: web, ingress", "{authorize: default, ingress", "{authorize: wbe, ingress", "story 'one', step 6: authorize: no security group 'wbe'; did you mean 'web'?"),
    ("ingress: {tcp: 80, from: 0.0.0.0/0}", "egress: {tcp: 80, to: 0.0.0.0/0}", "ingress: {tcp: 80, to: 0.0.0.0/0}", "story 'one', step 6: ingress to: found 'to:', wanted 'from:' in ingress"),
    ("ingress: {tcp: 80, from: 0.0.0.0/0}", "ingress: [{tcp: 80, from: web}, {tcp: 81, from: db}]", "ingress: {tcp: 80, from: wbe}", "story 'one', step 6: ingress from: no security group or prefix list 'wbe'; did you mean 'web'?"),
    ("ingress: {tcp: 81, from: 0.0.0.0/0}", "ingress: {tcp: 65535, from: 0.0.0.0/0}", "ingress: {tcp: 65536, from: 0.0.0.0/0}", "story 'one', step 7: ingress tcp: 65536 is above 65535"),
    ("{attach: ec2,", "{attach: router/eth1,", "{attach: laptop,", "story 'one', step 8: attach: no instance 'laptop'; there are ec2, inner, router"),
    ("[web, db]", "[db]", "[web, dbb]", "story 'one', step 8: security_groups: no security group 'dbb'; did you mean 'db'?"),
    ("add: {ingress: {rule: 50,", "add: {ingress: {rule: 51,", "add: {ingress: {rule: 0,", "story 'one', step 9: add ingress rule: 0 is below 1"),
    ("remove: {ingress: {rule: 50}}", "remove: {egress: {rule: 50}}", "remove: {rule: 50}", "story 'one', step 10: wanted exactly one of add: and remove:, and in it either ingress: or egress:"),
    ("add: 203.0.113.0/24", "remove: 203.0.113.0/24", 'add: "2001:db8::/32"', "story 'one', step 11: add: found 2001:db8::/32, but the list is IPv4's"),
    ("{prefix_list: offices,", "{prefix_list: offices,", "{prefix_list: homes,", "story 'one', step 11: prefix_list: no prefix list 'homes'; there are offices"),
    ("{table: ec2,", "{table: inner,", "{table: laptop,", "story 'one', step 13: table: no instance 'laptop'; there are ec2, inner, router"),
    ("lacks: [gre]", "lacks: []", "lacks: [login]", "story 'one', step 13: lacks: 'login' is to be held as well"),
]  # fmt: skip


def _mistakes(text: str) -> list[str]:
    with pytest.raises(LabFileError) as caught:
        parse_lab(text)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_the_base_is_right_as_it_stands() -> None:
    """Each case below changes one thing of a file that is right, so the mistake is the case's own."""
    lab = parse_lab(BASE)

    assert (lab.name, len(lab.expectations), len(lab.stories[0].steps), lab.warnings) == ("full", 3, 13, ())


@pytest.mark.parametrize(("fragment", "right", "wrong", "said"), CASES)
def test_a_mistake_is_told_in_one_line_and_its_near_miss_is_none(
    fragment: str, right: str, wrong: str, said: str
) -> None:
    """File, line, place, found, wanted; nothing else of the file is complained about."""
    assert BASE.count(fragment) == 1, fragment
    assert parse_lab(BASE.replace(fragment, right)).name

    line = BASE[: BASE.index(fragment)].count("\n") + 1
    assert _mistakes(BASE.replace(fragment, wrong)) == [f"lab.yaml:{line}: {said}"]


YAML_CASES = [
    ("a: {to: ::/0}", 'lab.yaml:1: in braces and brackets YAML wants quotes around ::/0: "::/0"'),
    ("name: x\na: {tcp: 22, from: ::1/128}", 'lab.yaml:2: in braces and brackets YAML wants quotes around ::1/128: "::1/128"'),
    ("name: x\na:\n\t- b", "lab.yaml:3: this is not YAML: found a tab, wanted spaces before the first word of a line"),
    ("name: x\na: [1", "lab.yaml:2: this is not YAML: expected ',' or ']', but got '<stream end>'"),
    ("name: x: y", "lab.yaml:1: this is not YAML: mapping values are not allowed here"),
    ("name: x\n---\nname: y", "lab.yaml:2: this is not YAML: but found another document"),
    ("a: \x07", "lab.yaml: this is not YAML: unacceptable character #x0007: special characters are not allowed"),
    ("", "lab.yaml: found nothing, wanted a lab: a mapping with name, vpc, subnets …"),
    ("- a", "lab.yaml:1: found a list, wanted a lab: a mapping with name, vpc, subnets …"),
    ("lab", "lab.yaml:1: found 'lab', wanted a lab: a mapping with name, vpc, subnets …"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), YAML_CASES)
def test_what_is_no_yaml_is_told_with_its_line(text: str, said: str) -> None:
    """One line, with a hint where the cause is known."""
    assert _mistakes(text) == [said]


def test_an_ipv6_network_in_quotes_or_out_of_braces_is_right() -> None:
    """The near misses of the hint above."""
    quoted = BASE.replace("to: 10.0.0.0/8", 'to: "::/0"')
    block = BASE.replace(
        "      - {tcp: 8000-8080, to: 10.0.0.0/8, id: sgr-out}", "      - tcp: 8000-8080\n        to: ::/0"
    )

    assert str(parse_lab(quoted).groups["web"].egress[0]) == "tcp/8000-8080 to ::/0"
    assert str(parse_lab(block).groups["web"].egress[0]) == "tcp/8000-8080 to ::/0"


def test_tags_endless_data_and_odd_keys_are_refused() -> None:
    """A lab file is plain data."""
    found = _mistakes("name: !Ref x\nvpc: &v [*v]\n? [a, b]\n: c\n")

    assert {
        "lab.yaml:1: name: found the tag !Ref, wanted a plain value",
        "lab.yaml:2: vpc: found data nested in itself, wanted at most 20 levels",
        "lab.yaml:3: found a list or mapping as a key, wanted a word",
    } <= set(found)


def test_an_empty_lab_lacks_a_name_a_vpc_and_subnets() -> None:
    """What must be there is asked for."""
    assert _mistakes("hosts: {}") == [
        "lab.yaml:1: name: is missing, wanted the lab's name",
        "lab.yaml:1: subnets: found none, wanted at least one subnet",
        "lab.yaml:1: vpc: is missing, wanted {cidr: NETWORK}",
    ]


def test_all_mistakes_come_at_once_each_with_its_line() -> None:
    """Of every part of the file, sorted by line, the file's name before each."""
    text = (
        BASE.replace("tcp: 22, from: 0.0.0.0/0, desc", "tcp: 65536, from: 0.0.0.0/0, desc")
        .replace("to: 10.0.0.0/8", "to: 10.0.0.x/8")
        .replace("services: [ssh, http]", "services: [shh]")
        .replace("tcp: 80, family: 4", "tcp: 80, famly: 4")
        .replace("{send: login,", "{send: logn,")
    )
    with pytest.raises(LabFileError) as caught:
        parse_lab(text, "dir/my.yaml")

    assert str(caught.value).splitlines() == [
        "dir/my.yaml:10: web ingress: tcp: 65536 is above 65535",
        "dir/my.yaml:14: web egress: to: found '10.0.0.x/8', wanted a network, as in 10.0.0.0/8 or 2001:db8::/32",
        "dir/my.yaml:31: inner: services: no service 'shh'; did you mean 'ssh'?",
        "dir/my.yaml:44: expect row 2: famly: is no key here; did you mean 'family'?",
        "dir/my.yaml:49: story 'one', step 2: send: no open flow 'logn'; did you mean 'login'?",
    ]


def test_what_hangs_on_a_wrong_part_is_not_complained_about_too() -> None:
    """An instance that cannot be read still counts as known wherever it is named."""
    found = _mistakes(BASE.replace("  ec2: {subnet: public", "  ec2: {subnett: public"))

    assert found == [
        "lab.yaml:27: ec2: subnet: is missing, wanted the name of a subnet",
        "lab.yaml:27: ec2: subnett: is no key here; did you mean 'subnet'?",
    ]


REFUSED = [
    "{authorize: web, ingress: {tcp: 65536, from: 0.0.0.0/0}, refused: InvalidPermission.Malformed}",
    "{authorize: web, ingress: {tcp: 22-21, from: 0.0.0.0/0}, refused: InvalidParameterValue}",
    "{authorize: web, ingress: {tcp: ~, from: 0.0.0.0/0}, refused: InvalidParameterValue}",
    "{authorize: web, ingress: {from: 0.0.0.0/0}, refused: InvalidParameterValue}",
    "{authorize: web, ingress: {tcp: 22, from: 10.0.0.x/8}, refused: InvalidParameterValue}",
    "{authorize: web, ingress: {tcp: 22}, refused: MissingParameter}",
    "{authorize: web, ingress: {icmp: 8/300, from: 0.0.0.0/0}, refused: InvalidParameterValue}",
    "{authorize: web, ingress: {protocol: nonsense, from: 0.0.0.0/0}, refused: InvalidParameterValue}",
    "{revoke: nobody, egress: {tcp: 22, to: 0.0.0.0/0}, refused: InvalidGroup.NotFound}",
    "{attach: ec2, security_groups: [nobody], refused: InvalidGroup.NotFound}",
    "{attach: ec2, security_groups: [], refused: MissingParameter}",
    "{acl: strict, add: {ingress: {rule: 0, tcp: 1, from: 0.0.0.0/0, action: deny}}, refused: InvalidParameterValue}",
    "{acl: nobody, remove: {ingress: {rule: 50}}, refused: InvalidNetworkAclID.NotFound}",
    "{acl: strict, remove: {ingress: {rule: 99999}}, refused: InvalidNetworkAclEntry.NotFound}",
    "{prefix_list: offices, add: nonsense, refused: InvalidParameterValue}",
]


@pytest.mark.parametrize("step", REFUSED)
def test_a_step_that_expects_a_refusal_may_hold_any_values(step: str) -> None:
    """They are AWS's to refuse; without `refused:` the same step is a mistake of the file."""
    bare = step.partition(", refused:")[0] + "}"
    text = BASE.replace("{wait: 31s}", step)

    assert parse_lab(text).stories[0].steps[11].refused  # type: ignore[union-attr]
    assert len(_mistakes(BASE.replace("{wait: 31s}", bare))) == 1


BEYOND_REQUESTS = [
    ("{authorize: web, ingress: {tcp: x, from: web}, refused: A.B}", "ingress tcp: found 'x', wanted a port (22), a range (8000-8080) or all"),
    ("{authorize: web, ingress: {icmp: x, from: web}, refused: A.B}", "ingress icmp: found 'x', wanted a type (8), a type and code (3/4) or all"),
    ("{authorize: web, ingress: {tcp: 1, udp: 2, from: web}, refused: A.B}", "ingress: found tcp and udp, wanted one of them: a request holds one protocol"),
    ("{authorize: web, ingress: {tcp: 1, form: web}, refused: A.B}", "ingress form: is no key here; did you mean 'from'?"),
    ("{authorize: web, refused: A.B}", "found neither, wanted either ingress: RULE or egress: RULE"),
    ("{authorize: web, ingress: [], refused: A.B}", "ingress: found an empty list, wanted at least one rule"),
    ("{authorize: ~, ingress: {tcp: 1, from: web}}", "authorize: found nothing, wanted the name of a group"),
    ("{attach: ec2, security_groups: [], refused: not a code}", "refused: found 'not a code', wanted a code, as in InvalidPermission.Duplicate"),
    ("{prefix_list: offices, refused: A.B}", "wanted exactly one of add: and remove:, with a network"),
]  # fmt: skip


@pytest.mark.parametrize(("step", "said"), BEYOND_REQUESTS)
def test_what_no_request_can_hold_is_a_mistake_even_in_a_refused_step(step: str, said: str) -> None:
    """A request to AWS's API has numbers, one protocol and known keys."""
    (found,) = _mistakes(BASE.replace("{wait: 31s}", step))

    assert found == f"lab.yaml:59: story 'one', step 12: {said}"


def test_one_mapping_may_hold_several_mistakes() -> None:
    """A key too many, or a missing one, does not hide what else is wrong beside it, nor is it told twice."""
    text = (
        BASE.replace(
            "{tcp: 22, from: 0.0.0.0/0, description: log in, id: sgr-ssh}", "{tcp: 65536, form: web, id: sgr-ssh}"
        )
        .replace("ec2: {subnet: public, ip: 10.0.1.10,", "ec2: {subnet: public, ip: 10.0.1.3, speed: 5,")
        .replace("{from: laptop, to: ec2, tcp: 80, family: 4, seen: lost,", "{from: laptop, to: ec3, tpc: 80,")
    )

    assert _mistakes(text) == [
        "lab.yaml:10: web ingress: form: is no key here; did you mean 'from'?",
        "lab.yaml:10: web ingress: tcp: 65536 is above 65535",
        "lab.yaml:27: ec2: ip: 10.0.1.3 is reserved: AWS keeps the first four addresses of 10.0.1.0/24 and the last",
        "lab.yaml:27: ec2: speed: is no key here; there are subnet, ip, ipv6, public_ip, security_groups, connection_tracking, conntrack_allowance, source_dest_check, services",
        "lab.yaml:44: expect row 2: seen: is missing, wanted delivered, lost or (with real: true) refused",
        "lab.yaml:44: expect row 2: to: no instance or host 'ec3'; did you mean 'ec2'?",
        "lab.yaml:44: expect row 2: tpc: is no key here; did you mean 'tcp'?",
    ]
