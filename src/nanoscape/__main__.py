"""Run the command with ``python -m nanoscape``."""

import sys

from nanoscape.cli import main

sys.exit(main())
