"""THE WORDS: addresses, rules, topology, packets, verdicts, changes; Network, on which stories are played."""
