"""What hosts serve, as data: programs, files, ports, ready-checks."""
