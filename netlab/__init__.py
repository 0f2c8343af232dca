"""netlab: a piece of AWS on one Linux kernel."""
