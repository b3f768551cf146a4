"""The JSON Schema of manifest.json, made from the records that write and read it: types, names and docstrings.

    python -m export.manifest_schema     # writes export/manifest.schema.json anew

Every export carries a copy, so that a reader in any language can check a manifest and look up what a field means.
"""

from __future__ import annotations

import sys

from export.reporting.manifest_schema import SCHEMA_FILE, schema_text
from runtime.system.files import write_atomically


def main() -> int:
    """Write the schema anew."""
    write_atomically(SCHEMA_FILE, schema_text().encode())
    print(f"wrote {SCHEMA_FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
