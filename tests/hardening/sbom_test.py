#!/usr/bin/env python3
"""usage: sbom_test.py SBOM BUILD_FOLDER

The list of packages is JSON, the same each time, and names what is known to be in the programs."""

import json
import subprocess
import sys


def main():
    first, second = (subprocess.run(sys.argv[1:3], check=True, capture_output=True, text=True).stdout
                     for _ in range(2))
    assert first == second, "two runs differ"
    components = json.loads(first)["components"]
    uses = {c["name"]: c["properties"][0]["value"] for c in components}
    for name, use in (("libssl-dev", "linked"), ("libboost1.81-dev", "headers"), ("libc6", "loaded"),
                      ("libyaml-cpp0.7", "loaded"), ("libjs-chart.js", "embedded")):
        assert uses.get(name) == use, "%s is %s, not %s" % (name, uses.get(name), use)
    assert "catch2" not in uses, "the tests' packages are not in the programs"
    assert all(c["purl"].startswith("pkg:deb/debian/") and c["version"] for c in components)
    print("sbom: %d packages" % len(components))


if __name__ == "__main__":
    main()
