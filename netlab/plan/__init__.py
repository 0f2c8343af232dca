"""NETFILTER'S NOUNS: a lab as the kernel knows it, as data."""
