#!/usr/bin/env python3
"""usage: run.py PATH-OF-ACTIVATOR PATH-OF-QUEUE-PROXY MODULE [unittest arguments]"""

import os
import sys
import unittest

if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.dont_write_bytecode = True
    here = os.path.dirname(os.path.abspath(__file__))
    os.environ["ACTIVATOR"] = os.path.abspath(sys.argv[1])
    os.environ["QUEUE_PROXY"] = os.path.abspath(sys.argv[2])
    # Its raw connections and applications serve here too, as the module `harness`.
    sys.path.insert(0, os.path.join(os.path.dirname(here), "queue_proxy"))
    sys.path.insert(0, here)
    unittest.main(module=sys.argv[3], argv=[sys.argv[3], *sys.argv[4:]], verbosity=1)
