#!/usr/bin/env python3
"""usage: run.py PATH-OF-ACTIVATOR MODULE [unittest arguments]"""

import os
import sys
import unittest

if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.dont_write_bytecode = True
    here = os.path.dirname(os.path.abspath(__file__))
    os.environ["ACTIVATOR"] = os.path.abspath(sys.argv[1])
    # The activator's pods and clients serve here too, and theirs are the queue-proxy's.
    for folder in ("queue_proxy", "activator"):
        sys.path.insert(0, os.path.join(os.path.dirname(here), folder))
    sys.path.insert(0, here)
    unittest.main(module=sys.argv[2], argv=[sys.argv[2], *sys.argv[3:]], verbosity=1)
