"""Servers run as programs of their own: one file each, standard library only, so that they start quickly anywhere."""
