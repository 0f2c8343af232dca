"""
The covering set of `netlab selftest`: lab files in which every reason, protocol, peer kind and change kind occurs.

What their steps want is what aws-behaviour.md says, so they are also true on paper; and each fault that the mutation
check plants in the compiler shows in one of their stories.
"""

from __future__ import annotations

_MAIN = """\
name: covering
vpc: {cidr: 10.0.0.0/16, ipv6_cidr: "2001:db8:0:100::/56"}
subnets:
  front: {cidr: 10.0.1.0/24, ipv6_cidr: "2001:db8:0:101::/64", internet: true}
  back: {cidr: 10.0.2.0/24, ipv6_cidr: "2001:db8:0:102::/64", acl: strict, nat: out}
network_acls:
  strict:
    ingress:
      - {rule: 40, tcp: 9000, from: 10.0.1.0/24, action: allow}
      - {rule: 50, tcp: 9000-9010, from: 10.0.0.0/16, action: deny}
      - {rule: 90, icmp: 8/0, from: 10.0.1.0/24, action: allow}
      - {rule: 91, icmp: all, from: 10.0.1.0/24, action: deny}
      - {rule: 100, protocol: all, from: 0.0.0.0/0, action: allow}
      - {rule: 101, protocol: all, from: "::/0", action: allow}
    egress:
      - {rule: 10, udp: 5353, to: 0.0.0.0/0, action: deny}
      - {rule: 100, protocol: all, to: 0.0.0.0/0, action: allow}
      - {rule: 101, protocol: all, to: "::/0", action: allow}
prefix_lists:
  offices: {max_entries: 5, entries: [198.51.100.0/24]}
nat_gateways:
  out: {subnet: front, public_ip: 203.0.113.99}
security_groups:
  web:
    ingress:
      - {tcp: 80, from: 0.0.0.0/0, id: web-80}
      - {tcp: 80, from: "::/0", id: web-80-v6}
      - {tcp: 22, from: offices, id: web-ssh}
      - {tcp: 443, from: 198.51.100.7/32, id: web-443}
      - {icmp: 8/0, from: 198.51.100.0/24, id: web-ping}
      - {icmpv6: 128, from: "2001:db8:ffff::/48", id: web-ping-v6}
      - {protocol: gre, from: 198.51.100.0/24, id: web-gre}
      - {protocol: 253, from: 198.51.100.0/24, id: web-253}
  more:
    ingress:
      - {udp: 5000-5010, from: 198.51.100.0/24, id: more-udp}
      - {tcp: 8000-8080, from: self, id: more-self}
      - {udp: 5000-5010, from: 0.0.0.0/1, id: more-half}
    egress: []
  app:
    ingress:
      - {tcp: 8000-8080, from: web, id: app-web}
      - {protocol: all, from: app, id: app-self}
    egress:
      - {tcp: 443, to: 0.0.0.0/0, id: app-443}
      - {tcp: 9000-9010, to: 10.0.0.0/16, id: app-out}
      - {udp: all, to: 0.0.0.0/0, id: app-udp}
      - {icmp: all, to: 0.0.0.0/0, id: app-icmp}
      - {protocol: sctp, to: 0.0.0.0/0, id: app-sctp}
      - {protocol: esp, to: 0.0.0.0/0, id: app-esp}
  shut: {ingress: [], egress: []}
  late:
    ingress:
      - {tcp: 1024-65535, from: 0.0.0.0/0, id: late-high}
      - {icmp: all, from: 198.51.100.0/24, id: late-icmp}
  half:
    ingress: [{tcp: 70, from: 0.0.0.0/1, id: half-low}, {tcp: 70, from: 128.0.0.0/1, id: half-high}]
    egress: [{protocol: all, to: 0.0.0.0/1, id: half-out-low}, {protocol: all, to: 128.0.0.0/1, id: half-out-high}]
  v4-only:
    ingress: [{tcp: 70, from: 0.0.0.0/0, id: four-70}, {tcp: 70, from: "::/0", id: six-70}]
    egress: [{protocol: all, to: 0.0.0.0/0, id: four-out}]
  guests:
    ingress: [{tcp: 7000, from: app, id: guests-app}]
  anyone:
    ingress: [{protocol: all, from: 0.0.0.0/0, id: any-in}]
instances:
  ec2:
    subnet: front
    ip: [10.0.1.10, 10.0.1.110]
    public_ip: 3.95.203.10
    security_groups: [web, more]
  app:
    subnet: back
    ip: [10.0.2.20, 10.0.2.120]
    security_groups: [app]
  twin:
    interfaces:
      eth0: {subnet: back, ip: 10.0.2.30, security_groups: [app]}
      eth1: {subnet: front, ip: 10.0.1.31, public_ip: 3.95.203.31, security_groups: [guests]}
  relay: {subnet: front, ip: 10.0.1.40, public_ip: 3.95.203.40, security_groups: [late], source_dest_check: false}
hosts:
  laptop: {ip: [198.51.100.7, "2001:db8:ffff::7"]}
  server: {ip: [203.0.113.80, "2001:db8:fffe::80"], spoof: true}
stories:
  an open rule both ways is not tracked:
    - {open: f, from: laptop, to: ec2, tcp: 80, seen: delivered, by: web-80, reason: UNTRACKED}
    - {reply: f, seen: delivered}
    - {open: g, from: laptop, to: ec2, tcp: 80, family: 6, seen: delivered, by: web-80-v6}
    - {revoke: web, ingress: {tcp: 80, from: 0.0.0.0/0}}
    - {send: f, seen: lost, at: card ec2 ingress, reason: NO_RULE}
    - {send: g, seen: delivered}
    - {authorize: web, ingress: {tcp: 80, from: 0.0.0.0/0, id: web-again}}
    - {send: f, seen: delivered}
    - {revoke: web, egress: {protocol: all, to: 0.0.0.0/0}}
    - {reply: f, seen: lost, at: card ec2 egress}
    - {reply: g, seen: delivered}
  a narrow rule is tracked, and what it let in goes on:
    - {open: f, from: laptop, to: ec2, tcp: 443, seen: delivered, by: web-443, reason: RULE}
    - {open: g, from: server, to: ec2, tcp: 443, seen: lost, at: card ec2 ingress, reason: NO_RULE}
    - {revoke: web, ingress: {tcp: 443, from: 198.51.100.7/32}}
    - {send: f, seen: delivered, reason: TRACKED}
    - {reply: f, seen: delivered, reason: TRACKED}
    - {open: h, from: laptop, to: ec2, tcp: 443, seen: lost}
    - {attach: ec2, security_groups: [shut]}
    - {send: f, seen: delivered}
    - {attach: ec2, security_groups: [anyone]}
    - {send: f, seen: delivered, reason: UNTRACKED}
    - {attach: ec2, security_groups: [shut]}
    - {send: f, seen: lost}
    - {table: ec2, lacks: [f]}
  a silent flow survives the swap through an open group:
    - {open: f, from: laptop, to: ec2, tcp: 443, seen: delivered}
    - {attach: ec2, security_groups: [anyone]}
    - {attach: ec2, security_groups: [shut]}
    - {send: f, seen: delivered, reason: TRACKED}
    - {table: ec2, holds: [f]}
  ports at the ends of a range and beside it:
    - {open: a, from: laptop, to: ec2, udp: 5000, seen: delivered, by: more-udp}
    - {open: b, from: laptop, to: ec2, udp: 5010, seen: delivered, by: more-udp}
    - {open: c, from: laptop, to: ec2, udp: 4999, seen: lost}
    - {open: d, from: laptop, to: ec2, udp: 5011, seen: lost}
    - {open: e, from: server, to: ec2, udp: 5005, seen: lost}
    - {open: f, from: ec2, to: app, tcp: 8040, seen: delivered, by: app-web}
    - {open: g, from: ec2, to: app, tcp: 8081, seen: lost, at: card app ingress}
    - {open: h, from: ec2, to: app, tcp: 7999, seen: lost, at: card app ingress}
  a rule's peer is as wide as it says:
    - {open: a, from: laptop, to: ec2, tcp: 22, seen: delivered, by: web-ssh}
    - {open: b, from: server, to: ec2, tcp: 22, seen: lost}
    - {prefix_list: offices, add: 203.0.113.80/32}
    - {open: c, from: server, to: ec2, tcp: 22, seen: delivered, by: web-ssh}
    - {prefix_list: offices, remove: 198.51.100.0/24}
    - {open: d, from: laptop, to: ec2, tcp: 22, seen: lost}
    - {send: a, seen: delivered, reason: TRACKED}
    - {prefix_list: offices, add: 203.0.113.80/32, refused: InvalidPrefixListModification}
  what an egress rule does not name stays inside:
    - {open: a, from: app, to: server, tcp: 443, seen: delivered, by: app-443}
    - {open: b, from: app, to: server, tcp: 444, seen: lost, at: card app egress, reason: NO_RULE}
    - {open: c, from: app, to: server, tcp: 443, family: 6, seen: lost, at: card app egress}
    - {attach: app, security_groups: [shut]}
    - {open: d, from: app, to: server, tcp: 443, seen: lost, at: card app egress}
    - {send: a, seen: delivered, reason: TRACKED}
  members of a group by all their private addresses, live:
    - {open: a, from: ec2, to: app, tcp: 8000, seen: delivered, by: app-web}
    - {open: b, from: ec2, to: app, tcp: 8000, src: 10.0.1.110, seen: delivered, by: app-web}
    - {open: c, from: ec2, to: app, tcp: 8000, family: 6, seen: delivered, by: app-web}
    - {open: d, from: relay, to: app, tcp: 8000, seen: lost, at: card app ingress}
    - {attach: relay, security_groups: [late, web]}
    - {open: e, from: relay, to: app, tcp: 8000, seen: delivered, by: app-web}
    - {open: f, from: app, to: twin, udp: 7, seen: delivered, by: app-self}
    - {attach: ec2, security_groups: [more]}
    - {open: g, from: ec2, to: app, tcp: 8000, seen: lost, at: card ec2 egress}
    - {open: h, from: app, to: twin/eth1, udp: 7000, seen: lost, at: card twin/eth1 ingress}
  a flow that the instance opened stays its own:
    - {open: f, from: relay, to: server, tcp: 443, sport: 40000, seen: delivered}
    - {reply: f, seen: delivered, reason: TRACKED}
    - {revoke: late, ingress: {tcp: 1024-65535, from: 0.0.0.0/0}}
    - {reply: f, seen: delivered, reason: TRACKED}
    - {open: g, from: server, to: relay, tcp: 2000, seen: lost}
  a class of its own in each family, and only for the whole world:
    - {attach: ec2, security_groups: [v4-only]}
    - {open: a, from: laptop, to: ec2, tcp: 70, seen: delivered, reason: UNTRACKED}
    - {open: b, from: laptop, to: ec2, tcp: 70, family: 6, seen: delivered, reason: RULE}
    - {attach: ec2, security_groups: [half]}
    - {open: c, from: laptop, to: ec2, tcp: 70, seen: delivered, reason: RULE}
    - {attach: ec2, security_groups: [shut]}
    - {send: a, seen: lost}
    - {reply: b, seen: delivered, reason: TRACKED}
    - {send: c, seen: delivered, reason: TRACKED}
  every protocol has its own memory:
    - {open: a, from: laptop, to: ec2, icmp: 8, seen: delivered, by: web-ping}
    - {reply: a, seen: delivered, reason: TRACKED}
    - {open: b, from: laptop, to: ec2, icmp: 13, seen: lost}
    - {open: c, from: laptop, to: ec2, icmp: 8/8, seen: lost}
    - {open: d, from: laptop, to: ec2, icmpv6: 128, seen: delivered, by: web-ping-v6}
    - {reply: d, seen: delivered, reason: TRACKED}
    - {open: e, from: laptop, to: ec2, protocol: gre, seen: delivered, by: web-gre}
    - {revoke: web, egress: {protocol: all, to: 0.0.0.0/0}}
    - {reply: e, seen: delivered, reason: TRACKED}
    - {open: f, from: laptop, to: ec2, protocol: 253, seen: delivered, by: web-253}
    - {reply: f, seen: delivered, reason: TRACKED}
    - {open: g, from: relay, to: server, protocol: esp, seen: delivered}
    - {reply: g, seen: delivered, reason: TRACKED}
    - {open: h, from: app, to: relay, protocol: sctp, seen: lost, at: card relay ingress}
    - {reply: h, seen: delivered, reason: TRACKED}
  a ping is two addresses and an id, a notice its type and code:
    - {open: a, from: laptop, to: relay, icmp: 8/3, seen: delivered, by: late-icmp}
    - {open: b, from: laptop, to: relay, icmp: 0, seen: delivered, by: late-icmp}
    - {open: c, from: laptop, to: relay, icmp: 10, seen: delivered, by: late-icmp}
    - {revoke: late, ingress: {icmp: all, from: 198.51.100.0/24}}
    - {send: a, seen: delivered, reason: TRACKED}
    - {error: a, type: 3/4, from: laptop, to: relay, seen: delivered, reason: RELATED}
    - {reply: b, seen: delivered, reason: TRACKED}
    - {send: c, seen: delivered, reason: TRACKED}
    - {open: d, from: laptop, to: relay, icmp: 10/1, seen: lost}
    - {table: relay, holds: [a, b, c]}
  an association is two addresses and a protocol:
    - {attach: relay, security_groups: [anyone]}
    - {open: f, from: app, to: relay, protocol: sctp, seen: delivered, by: app-sctp}
    - {reply: f, seen: delivered, reason: TRACKED}
    - {open: g, from: relay, to: app, protocol: sctp, seen: delivered, reason: TRACKED}
    - {open: h, from: relay, to: app, protocol: esp, seen: lost, at: card app ingress}
  datagrams are remembered while rules change:
    - {open: f, from: app, to: server, udp: 9, seen: delivered, by: app-udp}
    - {reply: f, seen: delivered, reason: TRACKED}
    - {revoke: app, egress: {udp: all, to: 0.0.0.0/0}}
    - {reply: f, seen: delivered, reason: TRACKED}
    - {send: f, seen: delivered, reason: TRACKED}
    - {open: g, from: app, to: server, udp: 9, seen: lost}
  errors about what is remembered, and about nothing:
    - {open: f, from: laptop, to: ec2, tcp: 443, seen: delivered}
    - {error: f, type: 3/4, from: laptop, to: ec2, seen: delivered, reason: RELATED}
    - {error: f, type: 11/0, from: server, to: ec2, seen: delivered, reason: RELATED}
    - {error: f, type: 3/1, from: ec2, to: laptop, seen: delivered, reason: RELATED}
    - {open: g, from: laptop, to: ec2, tcp: 80, seen: delivered}
    - {error: g, type: 3/4, from: laptop, to: ec2, seen: lost, at: card ec2 ingress}
    - {open: h, from: laptop, to: relay, tcp: 2000, seen: delivered}
    - {error: h, type: 3/4, from: laptop, to: relay, seen: delivered, by: late-icmp}
    - {open: i, from: laptop, to: ec2, udp: 5005, seen: delivered}
    - {error: i, type: 3/3, from: ec2, to: laptop, seen: delivered, reason: RELATED}
  packets out of the middle of nowhere:
    - {open: a, from: laptop, to: ec2, tcp: 443, flags: A, seen: delivered, by: web-443, reason: RULE}
    - {reply: a, seen: delivered, reason: TRACKED}
    - {open: b, from: laptop, to: ec2, tcp: 443, flags: SA, seen: delivered, by: web-443, reason: UNTRACKED}
    - {open: c, from: server, to: ec2, tcp: 443, flags: SA, seen: lost}
    - {open: d, from: laptop, to: app, tcp: 443, flags: R, seen: lost, reason: NO_PUBLIC_ADDRESS}
    - {open: e, from: server, to: ec2, tcp: 40000, flags: R, seen: lost, at: card ec2 ingress}
    - {open: f, from: laptop, to: ec2, tcp: 443, flags: S, seen: delivered}
    - {reply: f, flags: S, seen: delivered, reason: TRACKED}
    - {open: g, from: laptop, to: ec2, udp: 5005, seen: delivered}
    - {revoke: web, egress: {protocol: all, to: 0.0.0.0/0}}
    - {reply: g, sport: 5006, seen: lost, at: card ec2 egress}
    - {reply: g, seen: delivered, reason: TRACKED}
  ACLs at the border of a subnet, and not inside:
    - {attach: ec2, security_groups: [anyone]}
    - {attach: app, security_groups: [anyone]}
    - {open: a, from: ec2, to: app, tcp: 9000, seen: delivered}
    - {open: b, from: ec2, to: app, tcp: 9001, seen: lost, at: acl strict ingress, reason: ACL}
    - {open: c, from: twin, to: app, tcp: 9001, seen: delivered}
    - {open: d, from: ec2, to: app, icmp: 8, seen: delivered}
    - {open: e, from: ec2, to: app, icmp: 8/1, seen: lost, at: acl strict ingress, reason: ACL}
    - {open: f, from: app, to: ec2, udp: 5353, seen: lost, at: acl strict egress, reason: ACL}
    - {acl: strict, add: {egress: {rule: 5, udp: 5353, to: 10.0.1.0/24, action: allow}}}
    - {open: g, from: app, to: ec2, udp: 5353, seen: delivered}
    - {acl: strict, remove: {egress: {rule: 100}}}
    - {reply: a, seen: lost, at: acl strict egress, reason: ACL}
    - {acl: strict, add: {egress: {rule: 100, protocol: all, to: 0.0.0.0/0, action: allow}}}
    - {reply: a, seen: delivered}
    - {acl: strict, remove: {ingress: {rule: 7}}, refused: InvalidNetworkAclEntry.NotFound}
  a packet must be its sender's own:
    - {open: a, from: ec2, to: app, tcp: 8000, src: 10.0.1.99, seen: lost, at: card ec2 source-dest-check}
    - {open: b, from: ec2, to: app, tcp: 8000, src: 10.0.1.110, seen: delivered}
    - {open: c, from: relay, to: server, tcp: 443, src: 10.0.1.99, seen: lost, at: igw, reason: NO_PUBLIC_ADDRESS}
    - {open: d, from: laptop, to: ec2, tcp: 80, src: 192.0.2.9, seen: lost, reason: SPOOFED}
    - {open: e, from: server, to: ec2, tcp: 80, flags: S, src: 192.0.2.9, seen: delivered}
  roads that lead nowhere:
    - {open: a, from: relay, to: 192.0.2.1, udp: 9, seen: lost, reason: NO_ROUTE}
    - {open: b, from: relay, to: 10.0.9.9, udp: 9, seen: lost, at: vpc route, reason: NO_ROUTE}
    - {open: c, from: laptop, to: 10.0.2.20, tcp: 443, seen: lost, at: igw, reason: NO_PUBLIC_ADDRESS}
    - {open: d, from: laptop, to: twin, tcp: 80, seen: lost, reason: NO_PUBLIC_ADDRESS}
    - {open: e, from: ec2, to: "ec2:public", tcp: 80, seen: delivered}
    - {open: f, from: relay, to: "ec2:public", tcp: 80, seen: delivered, by: web-80}
    - {open: g, from: twin, to: server, tcp: 443, family: 6, seen: lost, at: card twin egress}
    - {open: h, from: server, to: 203.0.113.99, udp: 9, seen: lost, at: nat out, reason: NO_ROUTE}
    - {attach: app, security_groups: [guests]}
    - {open: i, from: app, to: server, tcp: 443, family: 6, seen: lost, at: vpc route, reason: NO_ROUTE}
  what goes through a NAT gateway is always tracked:
    - {attach: app, security_groups: [anyone]}
    - {open: f, from: app, to: server, tcp: 443, seen: delivered, reason: RULE}
    - {reply: f, seen: delivered, reason: TRACKED}
    - {open: g, from: app, to: ec2, tcp: 80, seen: delivered, reason: UNTRACKED}
    - {attach: app, security_groups: [shut]}
    - {reply: f, seen: delivered, reason: TRACKED}
    - {reply: g, seen: lost, at: card app ingress}
  big packets:
    - {open: a, from: ec2, to: laptop, udp: 9, size: 3000, seen: delivered}
    - {send: a, size: 1472, df: true, seen: delivered}
    - {send: a, size: 1473, df: true, seen: lost, at: mtu, reason: MTU}
    - {open: b, from: ec2, to: app, tcp: 8000, seen: delivered}
    - {send: b, size: 8961, df: true, seen: delivered}
    - {open: c, from: laptop, to: ec2, udp: 5005, size: 4000, seen: delivered, by: more-udp}
    - {open: d, from: laptop, to: ec2, udp: 5011, size: 4000, seen: lost, at: card ec2 ingress}
  what AWS never filters:
    - {attach: app, security_groups: [shut]}
    - {open: a, from: app, to: 10.0.0.2, udp: 53, seen: delivered, reason: EXEMPT}
    - {reply: a, seen: delivered, reason: EXEMPT}
    - {open: b, from: app, to: 169.254.169.254, tcp: 80, seen: delivered, reason: EXEMPT}
    - {open: c, from: app, to: "fd00:ec2::253", udp: 53, seen: delivered, reason: EXEMPT}
    - {open: d, from: app, to: 169.254.169.123, udp: 123, seen: delivered, reason: EXEMPT}
    - {open: e, from: app, to: 10.0.2.1, icmp: 8, seen: delivered, reason: EXEMPT}
  what AWS refuses changes nothing:
    - {authorize: web, ingress: {tcp: 80, from: 0.0.0.0/0}, refused: InvalidPermission.Duplicate}
    - {revoke: web, ingress: {tcp: 81, from: 0.0.0.0/0}, refused: InvalidPermission.NotFound}
    - {attach: ec2, security_groups: [nobody], refused: InvalidGroup.NotFound}
    - {open: a, from: laptop, to: ec2, tcp: 81, seen: lost}
    - {open: b, from: laptop, to: ec2, tcp: 80, seen: delivered}
"""

_TIMERS = """\
name: covering-timers
vpc: {cidr: 10.0.0.0/16}
subnets:
  front: {cidr: 10.0.1.0/24, internet: true}
security_groups:
  client: {ingress: []}
instances:
  ec2:
    subnet: front
    ip: 10.0.1.10
    public_ip: 3.95.203.10
    security_groups: [client]
    connection_tracking: {tcp_established: 60, udp: 60, udp_stream: 180}
hosts:
  laptop: {ip: 198.51.100.7}
timers: {scale: 0.01666667}
stories:
  idle flows are forgotten each in its time:
    - {open: ssh, from: ec2, to: laptop, tcp: 22, seen: delivered}
    - {open: once, from: ec2, to: laptop, udp: 53, seen: delivered}
    - {reply: once, seen: delivered}
    - {open: stream, from: ec2, to: laptop, udp: 53, seen: delivered}
    - {reply: stream, seen: delivered}
    - {send: stream, seen: delivered}
    - {reply: stream, seen: delivered}
    - {open: ping, from: ec2, to: laptop, icmp: 8, seen: delivered}
    - {open: half, from: ec2, to: laptop, tcp: 22, flags: S, seen: delivered}
    - {open: tunnel, from: ec2, to: laptop, protocol: 50, seen: delivered}
    - {wait: 90s}
    - {reply: ssh, seen: lost}
    - {reply: once, seen: lost}
    - {reply: ping, seen: lost}
    - {reply: stream, seen: delivered, reason: TRACKED}
    - {reply: half, flags: SA, seen: delivered, reason: TRACKED}
    - {reply: tunnel, seen: delivered, reason: TRACKED}
    - {table: ec2, holds: [stream, tunnel], lacks: [once, ping]}
"""

_LIMITS = """\
name: covering-limits
vpc: {cidr: 10.0.0.0/16}
subnets:
  front: {cidr: 10.0.1.0/24, internet: true}
security_groups:
  web:
    ingress: [{tcp: 22, from: 198.51.100.0/24, id: ssh}, {tcp: 80, from: 0.0.0.0/0, id: http}]
instances:
  ec2: {subnet: front, ip: 10.0.1.10, public_ip: 3.95.203.10, security_groups: [web], conntrack_allowance: 2}
hosts:
  laptop: {ip: 198.51.100.7}
stories:
  the table is full at its allowance:
    - {open: a, from: laptop, to: ec2, tcp: 22, seen: delivered}
    - {open: b, from: ec2, to: laptop, udp: 9, seen: delivered}
    - {open: c, from: laptop, to: ec2, tcp: 22, seen: lost, at: card ec2 allowance, reason: ALLOWANCE}
    - {open: d, from: laptop, to: ec2, tcp: 80, seen: delivered, reason: UNTRACKED}
    - {open: e, from: ec2, to: laptop, udp: 9, seen: lost, at: card ec2 allowance, reason: ALLOWANCE}
    - {send: a, seen: delivered, reason: TRACKED}
    - {send: b, seen: delivered, reason: TRACKED}
"""

COVERING = {"covering": _MAIN, "covering-timers": _TIMERS, "covering-limits": _LIMITS}
"""Lab files, by their labs' names."""
