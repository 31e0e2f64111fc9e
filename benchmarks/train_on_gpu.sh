#!/usr/bin/env bash
# A short while on a GPU, spent on training the network that ships: draws its own data there, so that no cache travels.
#
#   OUT=results benchmarks/train_on_gpu.sh ART.zip MINUTES [BATCH [SIDE [RATE [WEIGHTS]]]]      SIDE may be several: "256 384"
#
# Goes on from WEIGHTS (default: fresh ones) for MINUTES in bfloat16, the learning rate falling with the clock, and writes
# $OUT/model.safetensors (float16, to use and to go on from) every minute, log.jsonl and sheets of pictures beside it. Four
# batches are drawn at once (TOGETHER), which on a GPU takes hardly longer than one.
# Try it on a CPU first, with small numbers: OUT=/tmp/try benchmarks/train_on_gpu.sh art.zip 0.5 1 128
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
art=$1 minutes=$2 batch=${3:-128} side=${4:-256} rate=${5:-3e-4} weights=${6:-whole}
run=$(mktemp -d)
mkdir -p "$OUT"
# Checkpoints are copied out whole: a machine that is taken away leaves the last one behind.
keep() { for f in model.safetensors log.jsonl; do [ -f "$run/run/$f" ] && cp "$run/run/$f" "$OUT/.$f" && mv "$OUT/.$f" "$OUT/$f"; done; true; }
(while sleep 5; do keep; done) & watcher=$!
trap 'kill $watcher 2>/dev/null; keep; cp "$run"/run/*.png "$OUT"/ 2>/dev/null || true' EXIT
PYTHONUNBUFFERED=1 python3 -m animeinterp train between --out "$run/run" --art "$art" --model "$weights" \
    --batch "$batch" --side $side --together "${TOGETHER:-4}" --alone "${ALONE:-0}" \
    --rate "$rate" --minutes "$minutes" --by-clock --bf16 --half --forgive 50 --save-minutes 1 \
    --steps "${STEPS:-100000000}" --warmup "${WARMUP:-400}" --shots "${SHOTS:-400}" --paintings "${PAINTINGS:-600}" \
    --log-every 25 --save-every 100000000 --report-every "${REPORT:-1500}" --held-out 16 --seed "${SEED:-0}"
