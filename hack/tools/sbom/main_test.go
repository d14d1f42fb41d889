package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The test's own program is a Go program with modules: an image of it and one package.
func TestListsProgramsModulesAndPackages(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	layer := archive(t, map[string]string{
		"usr/bin/self":                     string(program),
		"usr/bin/script":                   "#!/bin/sh\n",
		"var/lib/dpkg/status.d/librocksdb": "Package: librocksdb7.8\nStatus: install ok installed\nVersion: 7.8.3-2\nArchitecture: amd64\n",
	})
	file := filepath.Join(t.TempDir(), "image.tar")
	image := archive(t, map[string]string{"manifest.json": `[{"Layers": ["layer.tar"]}]`, "layer.tar": layer})
	if err := os.WriteFile(file, []byte(image), 0o600); err != nil {
		t.Fatal(err)
	}

	contents, err := readImage(file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(list("bedrock.dev/node:dev", "v1", time.Unix(1700000000, 0), contents))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"packageFileName":"/usr/bin/self"`, `"created":"2023-11-14T22:13:20Z"`,
		`"referenceLocator":"pkg:deb/debian/librocksdb7.8@7.8.3-2?arch=amd64"`, `"name":"stdlib"`,
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("the list lacks %s", want)
		}
	}
	if strings.Contains(string(got), "script") {
		t.Error("the list names a file that is no program")
	}
}

func TestRefusesWhatIsNoImage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(file, []byte(archive(t, map[string]string{"other": "x"})), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readImage(file); err == nil || !strings.Contains(err.Error(), "manifest.json") {
		t.Fatalf("got %v, want an error that names manifest.json", err)
	}
}

func archive(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		if err := w.WriteHeader(&tar.Header{Name: n, Mode: 0o755, Size: int64(len(files[n])), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[n])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
