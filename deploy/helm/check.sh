#!/usr/bin/env bash
# Renders the chart with every value set of ml-connector/ci, holds every object
# against its schema, custom resources included, and compares with the files in
# testdata, which the tests of ./deploy look at. With --update writes them.
set -euo pipefail
cd "$(dirname "$0")"
bin=../../bin out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
chart=ml-connector version=1.30
for values in "$chart"/ci/*-values.yaml; do
  name=$(basename "$values" -values.yaml)
  "$bin/helm" lint --strict --quiet "$chart" -f "$values"
  "$bin/helm" template mlc "$chart" --namespace sync --kube-version "$version.0" -f "$values" >"$out/$name.yaml"
  "$bin/kubectl-validate" --version "$version" --local-crds crds "$out/$name.yaml"
done
# What must be refused.
refuse() {
  if "$bin/helm" template mlc "$chart" --kube-version "$version.0" -f "$chart/ci/minimal-values.yaml" "$@" >/dev/null 2>"$out/refused"; then
    echo "the chart takes $*" >&2; exit 1
  fi
}
refuse --set config.log_level=loud
refuse --set config.lane_concurency=3
refuse --set redis.existingSecret=
refuse --set securityContext.privileged=true
refuse --set podSecurityContext.runAsNonRoot=false
refuse --set ingress.enabled=true
refuse --set httpRoute.enabled=true
refuse --set worker.keda.enabled=true
refuse --set networkPolicy.redis.port=0
if sed 's/readOnlyRootFilesystem/readOnlyRootFs/' "$out/minimal.yaml" >"$out/wrong.yaml" && "$bin/kubectl-validate" --version "$version" --local-crds crds "$out/wrong.yaml" >/dev/null 2>&1; then
  echo "the validation takes a misspelt field" >&2; exit 1
fi
"$bin/helm" package "$chart" --destination "$out" >/dev/null
rm -f "$out/wrong.yaml" "$out/refused"
if [ "${1:-}" = --update ]; then
  mkdir -p testdata && cp "$out"/*.yaml testdata/
else
  for f in "$out"/*.yaml; do
    diff -u "testdata/$(basename "$f")" "$f" >&2 || { echo "the chart renders otherwise than testdata says: make chart-golden" >&2; exit 1; }
  done
fi
echo "chart: $(ls "$out"/*.yaml | wc -l) value sets rendered and valid"
