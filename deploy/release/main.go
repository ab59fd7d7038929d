// Command release builds what is published: static binaries for Linux and
// macOS on both architectures, a list of what is in them (CycloneDX), and
// checksums, signed when a key is given.
//
//	go run ./deploy/release --version v1.2.3 --commit $(git rev-parse HEAD) [--out dist] [--only linux/amd64] [--twice] [--key release.key]
//
// The same source, version, commit and Go give the same bytes, on whatever
// machine and in whatever directory. --twice proves it: it builds again from a
// copy of the source elsewhere with an empty build cache, and compares.
package main

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

// targets are what is published.
var targets = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"}

const module = "github.com/ml-connector/ml-connector"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("release", flag.ContinueOnError)
	version := f.String("version", "devel", "version, as the binary shall tell it")
	commit := f.String("commit", "unknown", "commit, as the binary shall tell it")
	out := f.String("out", "dist", "directory for the result")
	only := f.String("only", "", "one target, for example linux/amd64")
	twice := f.Bool("twice", false, "build again elsewhere and compare")
	key := f.String("key", "", "Ed25519 key in PEM to sign SHA256SUMS with")
	if err := f.Parse(args); err != nil {
		return err
	}
	want := targets
	if *only != "" {
		want = []string{*only}
	}
	if err := os.MkdirAll(*out, 0o755); err != nil { //nolint:gosec // it is to be read by everybody
		return fmt.Errorf("make the directory for the release: %w", err)
	}
	var files []string
	for _, target := range want {
		file := filepath.Join(*out, "ml-connector-"+strings.ReplaceAll(target, "/", "-"))
		if err := build(ctx, ".", target, file, *version, *commit); err != nil {
			return err
		}
		list, err := materials(file, *version)
		if err != nil {
			return err
		}
		if err := os.WriteFile(file+".cdx.json", list, 0o644); err != nil { //nolint:gosec // it is to be read by everybody
			return fmt.Errorf("write the list of modules: %w", err)
		}
		files = append(files, file, file+".cdx.json")
	}
	if *twice {
		if err := again(ctx, want, *out, *version, *commit); err != nil {
			return err
		}
	}
	if err := checksums(*out, files); err != nil || *key == "" {
		return err
	}
	return sign(*out, *key)
}

// build makes one binary from the source in dir.
func build(ctx context.Context, dir, target, file, version, commit string, environ ...string) error {
	goos, arch, ok := strings.Cut(target, "/")
	if !ok {
		return fmt.Errorf("target %q: want os/architecture, for example linux/amd64", target)
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("build %s: %w", target, err)
	}
	ldflags := fmt.Sprintf("-s -w -buildid= -X %[1]s/service.version=%[2]s -X %[1]s/service.commit=%[3]s", module, version, commit)
	//nolint:gosec // the flags are ours, the version is the operator's
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", ldflags, "-o", abs, "./cmd/ml-connector")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS="), environ...)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build %s: %w", target, err)
	}
	return nil
}

// again builds from a copy of the source with a cache of its own.
func again(ctx context.Context, want []string, out, version, commit string) error {
	tmp, err := os.MkdirTemp("", "release")
	if err != nil {
		return fmt.Errorf("build twice: %w", err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	src := filepath.Join(tmp, "elsewhere", "src")
	if err := copySource(".", src); err != nil {
		return fmt.Errorf("build twice: copy the source: %w", err)
	}
	for _, target := range want {
		name := "ml-connector-" + strings.ReplaceAll(target, "/", "-")
		second := filepath.Join(tmp, name)
		if err := build(ctx, src, target, second, version, commit, "GOCACHE="+filepath.Join(tmp, "cache")); err != nil {
			return err
		}
		a, err := digest(filepath.Join(out, name))
		if err != nil {
			return err
		}
		b, err := digest(second)
		if err != nil {
			return err
		}
		if a != b {
			return fmt.Errorf("two builds of %s differ: %s and %s", target, a, b)
		}
		fmt.Printf("%s: two builds are equal, sha256 %s\n", target, a)
	}
	return nil
}

// copySource copies what a build reads: Go files, module files, and what is
// embedded.
func copySource(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch d.Name() {
			case ".git", "bin", "dist":
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o750)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(path) //nolint:gosec // a file of our source
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o600) //nolint:gosec // a name that WalkDir found below our own source
	})
}
