"""The protocol of PROTOCOL.md, implemented once: rows, cases, timed passes, memory, the machine."""
