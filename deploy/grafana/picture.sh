#!/usr/bin/env bash
# Draws the boards from a real Prometheus that watches the demo for three
# minutes while webhooks come in: make boards-pictures.
set -euo pipefail
cd "$(dirname "$0")/../.."
minutes=3
dir=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
mkdir -p bin docs/boards
go build -o bin/demo ./cmd/demo
go build -o bin/grafana ./deploy/grafana
port=$((20000 + RANDOM % 20000))
# Watch first: what the demo does in its first seconds is to be seen.
echo '[]' >"$dir/targets.json"
cat >"$dir/prometheus.yml" <<Y
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: ml-connector
    file_sd_configs: [{files: ["$dir/targets.json"], refresh_interval: 1s}]
Y
prometheus --config.file "$dir/prometheus.yml" --storage.tsdb.path "$dir/data" --web.listen-address "127.0.0.1:$port" >"$dir/prometheus.log" 2>&1 &
bin/demo --keep >"$dir/demo.log" 2>&1 &
until grep -q 'curl -X POST' "$dir/demo.log"; do
  kill -0 %2 2>/dev/null || { cat "$dir/demo.log" >&2; exit 1; }
  sleep 0.2
done
ops=$(sed -n 's#.*http://\(127.0.0.1:[0-9]*\)/console/.*#\1#p' "$dir/demo.log")
hook=$(sed -n "s#.*'\(http://127.0.0.1:[0-9]*/webhooks/[^']*\)'.*#\1#p" "$dir/demo.log")
echo "[{\"targets\": [\"$ops\"]}]" >"$dir/targets.json.new" && mv "$dir/targets.json.new" "$dir/targets.json"
end=$((SECONDS + 60 * minutes))
while ((SECONDS < end)); do
  id=$((6001 + RANDOM % 14))
  curl -s -o "$dir/answer" -X POST -d "{\"recordType\":\"vendorbill\",\"id\":\"$id\"}" "$hook"
  ((RANDOM % 12)) || curl -s -o "$dir/answer" -X POST -d '{}' "${hook%secret=*}secret=wrong"
  sleep 0.$((RANDOM % 9 + 1))
done
bin/grafana --draw "http://127.0.0.1:$port" docs/boards "$minutes"
ls -l docs/boards
