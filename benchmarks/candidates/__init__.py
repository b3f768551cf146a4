"""What can be measured: one module a kind of case, each with ``open_case`` and the table of its cases."""
