#!/bin/sh
# Usage: judges.sh KPA_VECTORS FILE
# A judge that cannot fail is none: each edited copy of FILE must fail at exactly one vector, and
# unusable input must end with 64.
set -eu
judge=$1
file=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

total=$(grep -c '"kind":' "$file")

# $1: sed script that changes one number; $2: id of the vector that must fail
must_fail() {
    sed "$1" "$file" >"$dir/edited.json"
    if cmp -s "$file" "$dir/edited.json"; then echo "edit for $2 changed nothing"; exit 1; fi
    status=0
    "$judge" "$dir/edited.json" >"$dir/out" || status=$?
    if [ "$status" -ne 1 ] || ! grep -q "^$2: " "$dir/out" ||
        [ "$(tail -n 1 "$dir/out")" != "$((total - 1)) passed, 1 failed" ]; then
        echo "edit for $2: status $status"; cat "$dir/out"; exit 1
    fi
}

must_be_unusable() {
    status=0
    "$judge" "$@" >"$dir/out" 2>"$dir/err" || status=$?
    if [ "$status" -ne 64 ] || [ "$(wc -l <"$dir/err")" -ne 1 ]; then
        echo "unusable input: status $status"; cat "$dir/err"; exit 1
    fi
}

# Each edit hits the vector that begins at its id line.
must_fail '/"id": "S16"/,/"id": "S17"/s/"desiredPodCount": 100/"desiredPodCount": 101/' S16
must_fail '/"id": "S24"/,/"id": "S25"/s/"panicMode": false/"panicMode": true/' S24
must_fail '/"id": "T09"/,/"id": "T99"/s/"stableValue": 8.983051/"stableValue": 8.98305/' T09
must_fail '/"id": "W03"/,/"id": "W04"/s/"average": 2.5/"average": 2.500001/' W03
must_fail '/"id": "Z19"/,/"id": "Z20"/s/"sksProxyForSeconds": 24/"sksProxyForSeconds": 23/' Z19
must_fail '/"id": "B01"/,/"id": "B02"/s/"requestCount": 1/"requestCount": 2/' B01
must_fail '/"id": "N04"/,/"id": "N05"/s/"kind": "sampleSize"/"kind": "sampleSizes"/' N04

must_be_unusable
must_be_unusable "$dir/missing.json"
echo '{"vectors": [' >"$dir/broken.json"
must_be_unusable "$dir/broken.json"
echo '{"vector": []}' >"$dir/other.json"
must_be_unusable "$dir/other.json"
must_be_unusable "$dir"
echo "judges well: $total vectors"
