#!/usr/bin/env bash
# A short while on a GPU: what it tells of speed and memory, or training. Most telling first, and written as it goes.
#
#   OUT=results benchmarks/on_gpu.sh                                              measures, at most 8 minutes (gpu_report.py)
#   OUT=results benchmarks/on_gpu.sh ART.zip MINUTES [BATCH [SIDE [RATE [WEIGHTS]]]]        trains (train_on_gpu.sh)
#
# Try the first on a CPU, with small numbers: OUT=/tmp/try benchmarks/on_gpu.sh --device cpu --sizes 192x128 --seconds 100
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case "${1:-}" in
    "" | --*) cd "$here/.." && exec python3 benchmarks/gpu_report.py --out "$OUT" "$@" ;;
    *) exec "$here/train_on_gpu.sh" "$@" ;;
esac
