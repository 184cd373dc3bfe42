#!/usr/bin/env python3
"""usage: run.py PATH-OF-QUEUE-PROXY MODULE [unittest arguments]"""

import os
import sys
import unittest

if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.dont_write_bytecode = True
    os.environ["QUEUE_PROXY"] = os.path.abspath(sys.argv[1])
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    unittest.main(module=sys.argv[2], argv=[sys.argv[2], *sys.argv[3:]], verbosity=1)
