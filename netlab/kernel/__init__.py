"""THE DOOR: Plan to machine and back. The only room that changes the machine."""
