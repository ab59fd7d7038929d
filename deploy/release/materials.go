package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// The part of CycloneDX 1.5 that says which modules are in a binary.
type (
	bom struct {
		Format      string      `json:"bomFormat"`
		SpecVersion string      `json:"specVersion"`
		Version     int         `json:"version"`
		Metadata    metadata    `json:"metadata"`
		Components  []component `json:"components"`
	}
	metadata struct {
		Component component `json:"component"`
	}
	component struct {
		Type    string `json:"type"`
		Ref     string `json:"bom-ref"`
		Name    string `json:"name"`
		Version string `json:"version"`
		PURL    string `json:"purl"`
		Hashes  []hash `json:"hashes,omitempty"`
	}
	hash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
)

// materials lists every module that is linked into a binary, and the Go that
// made it, as the binary itself tells.
func materials(file, version string) ([]byte, error) {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read what is in %s: %w", file, err)
	}
	self, err := digest(file)
	if err != nil {
		return nil, err
	}
	main := named(info.Main.Path, version, "")
	main.Type, main.Hashes = "application", []hash{{"SHA-256", self}}
	b := bom{Format: "CycloneDX", SpecVersion: "1.5", Version: 1, Metadata: metadata{main}}
	b.Components = append(b.Components, named("stdlib", strings.TrimPrefix(info.GoVersion, "go"), ""))
	for _, d := range info.Deps {
		b.Components = append(b.Components, linked(d))
	}
	out, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the list of modules: %w", err)
	}
	return append(out, '\n'), nil
}

// linked is a module as it was linked: what replaces it, if anything.
func linked(d *debug.Module) component {
	if d.Replace != nil {
		d = d.Replace
	}
	return named(d.Path, d.Version, d.Sum)
}

// named is a component; sum is a line of go.sum, h1 and the SHA-256 of the
// module's files in base64.
func named(path, version, sum string) component {
	purl := "pkg:golang/" + path + "@" + version
	c := component{Type: "library", Ref: purl, Name: path, Version: version, PURL: purl}
	if h, ok := strings.CutPrefix(sum, "h1:"); ok {
		if raw, err := base64.StdEncoding.DecodeString(h); err == nil {
			c.Hashes = []hash{{"SHA-256", hex.EncodeToString(raw)}}
		}
	}
	return c
}

// digest is the SHA-256 of a file.
func digest(file string) (string, error) {
	f, err := os.Open(file) //nolint:gosec // a file that we have built
	if err != nil {
		return "", fmt.Errorf("read %s: %w", file, err)
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read %s: %w", file, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// checksums writes SHA256SUMS, for sha256sum --check.
func checksums(dir string, files []string) error {
	var b strings.Builder
	for _, f := range files {
		sum, err := digest(f)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s  %s\n", sum, filepath.Base(f))
	}
	if err := os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(b.String()), 0o644); err != nil { //nolint:gosec // it is to be read by everybody
		return fmt.Errorf("write checksums: %w", err)
	}
	return nil
}
