"""``python -m runtime.studio``."""

import sys

from runtime.studio import main

sys.exit(main())
