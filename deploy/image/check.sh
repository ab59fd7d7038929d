#!/usr/bin/env bash
# Builds the real Dockerfile with buildah and local stand-ins for both base
# images, so that neither a daemon nor a registry is needed; asserts what the
# image says of itself; then runs its binary as nobody in a root that holds
# nothing else and cannot be written. Needs root, buildah and busybox-static.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot CONTAINERS_STORAGE_CONF="$work/storage.conf"
printf '[storage]\ndriver = "vfs"\nrunroot = "%s/run"\ngraphroot = "%s/graph"\n' "$work" "$work" >"$CONTAINERS_STORAGE_CONF"
pids=()
finish() {
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  umount "$work/root" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

# Stand-ins: a shell for the build stage, which finds Go in a mount; the files
# of distroless static for the last.
mkdir -p "$work"/build/{bin,tmp,usr/local/go,go/pkg/mod,root/.cache/go-build,etc} "$work"/static/etc/ssl/certs "$work"/static/usr/share
cp "$(command -v busybox)" "$work/build/bin/busybox"; ln -s busybox "$work/build/bin/sh"
echo 'root:x:0:0:root:/root:/bin/sh' >"$work/build/etc/passwd"
printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >"$work/static/etc/passwd"
cp /etc/ssl/certs/ca-certificates.crt "$work/static/etc/ssl/certs/" 2>/dev/null || true
c=$(buildah from scratch); buildah copy -q "$c" "$work/build" / >/dev/null
buildah config --env PATH=/usr/local/go/bin:/bin --env GOTOOLCHAIN=local --env HOME=/root --env GOPATH=/go --env GOPROXY=off --env GOFLAGS=-mod=readonly "$c"
buildah commit -q "$c" localhost/standin-go >/dev/null; buildah rm "$c" >/dev/null
c=$(buildah from scratch); buildah copy -q "$c" "$work/static" / >/dev/null
buildah config --user 65532 "$c"
buildah commit -q "$c" localhost/standin-static >/dev/null; buildah rm "$c" >/dev/null

go mod download
buildah bud -q --format docker \
  --build-context golang:1.26=container-image://localhost/standin-go \
  --build-context gcr.io/distroless/static:nonroot=container-image://localhost/standin-static \
  --volume "$(go env GOROOT):/usr/local/go:ro" --volume "$(go env GOMODCACHE):/go/pkg/mod" --volume "$(go env GOCACHE):/root/.cache/go-build" \
  --build-arg VERSION=v9.8.7 --build-arg COMMIT=abc --tag localhost/ml-connector:check . >/dev/null

want() { # what, got, want
  [ "$2" = "$3" ] || { echo "image: $1 is $2, want $3" >&2; exit 1; }
}
say() { buildah inspect --type image --format "$1" localhost/ml-connector:check; }
want entrypoint "$(say '{{.Docker.Config.Entrypoint}}')" "[/ml-connector]"
want command "$(say '{{.Docker.Config.Cmd}}')" "[serve]"
want user "$(say '{{.Docker.Config.User}}')" "65532:65532"
want ports "$(say '{{range $p, $_ := .Docker.Config.ExposedPorts}}{{$p}} {{end}}')" "8080/tcp 9090/tcp "
want healthcheck "$(say '{{.Docker.Config.Healthcheck.Test}}')" "[CMD /ml-connector healthcheck]"
want version "$(say '{{index .Docker.Config.Labels "org.opencontainers.image.version"}}')" "v9.8.7"
want title "$(say '{{index .Docker.Config.Labels "org.opencontainers.image.title"}}')" "ml-connector"

c=$(buildah from localhost/ml-connector:check); m=$(buildah mount "$c")
cp "$m/ml-connector" "$work/ml-connector"; buildah umount "$c" >/dev/null; buildah rm "$c" >/dev/null
size=$(stat -c %s "$work/ml-connector")
[ "$size" -le 40000000 ] || { echo "image: the binary has $size bytes, want at most 40 MB" >&2; exit 1; }

# An otherwise empty root, read-only, and nobody in it.
mkdir -p "$work/root" "$work/redis"
mount -t tmpfs -o size=64m,mode=0755 tmpfs "$work/root"
cp "$work/ml-connector" "$work/root/"
port=$((20000 + RANDOM % 10000)) ops=$((30000 + RANDOM % 10000))
redis-server --port "$port" --bind 127.0.0.1 --dir "$work/redis" --appendonly yes --appendfsync always --save '' --maxmemory-policy noeviction >/dev/null &
pids+=($!)
"$work/ml-connector" keys init --file "$work/root/keyset.json" >/dev/null
chown 65534:65534 "$work/root/keyset.json"
mount -o remount,ro "$work/root"
if touch "$work/root/x" 2>/dev/null; then echo "image: the root can be written" >&2; exit 1; fi
inside() { chroot --userspec=65534:65534 "$work/root" /ml-connector "$@"; }
export MLC_REDIS_URL="redis://127.0.0.1:$port" MLC_KEYSET_FILE=/keyset.json MLC_PUBLIC_ADDR=127.0.0.1:0 MLC_OPS_ADDR="127.0.0.1:$ops" MLC_DRAIN_SECONDS=0
want "version in the empty root" "$(inside version -o json | tr -d ' \n' | grep -o '"version":"[^"]*"')" '"version":"v9.8.7"'
for _ in $(seq 100); do redis-cli -p "$port" ping >/dev/null 2>&1 && break; sleep 0.1; done
chroot --userspec=65534:65534 "$work/root" /ml-connector serve 2>"$work/log" & # itself, not a shell around it: it gets the signal
serve=$!; pids+=("$serve")
for n in $(seq 200); do inside healthcheck 2>/dev/null && break; [ "$n" -lt 200 ] || { echo "image: never healthy" >&2; cat "$work/log" >&2; exit 1; }; sleep 0.1; done
inside tenant ls >/dev/null
kill -TERM "$serve"
wait "$serve" || { echo "image: serve ended with $?" >&2; cat "$work/log" >&2; exit 1; }
grep -q '"msg":"stopped"' "$work/log" || { echo "image: the log was not flushed" >&2; exit 1; }
if inside healthcheck 2>/dev/null; then echo "image: healthy after the end" >&2; exit 1; fi
echo "image: built, as it should be, runs as nobody in an empty read-only root; binary $size bytes"
