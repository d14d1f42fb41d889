package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSameFilesGiveTheSameBytes(t *testing.T) {
	folder := t.TempDir()
	program := filepath.Join(folder, "program")
	if err := os.WriteFile(program, []byte("#!"), 0o600); err != nil {
		t.Fatal(err)
	}
	var images [][]byte
	for _, name := range []string{"one.tar", "two.tar"} {
		out := filepath.Join(folder, name)
		if err := write(out, "cluster.local/x:1", "/usr/bin/x", "65532:65532", []string{"/usr/bin/x=" + program}); err != nil {
			t.Fatal(err)
		}
		image, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, image)
	}
	if !bytes.Equal(images[0], images[1]) {
		t.Error("two images of the same file differ")
	}
}

// A runtime makes no folder that a layer does not name.
func TestLayerNamesFoldersBeforeFiles(t *testing.T) {
	data, err := layer([]string{"/usr/bin/x=main_test.go"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
	if want := []string{"tmp/", "usr/", "usr/bin/", "usr/bin/x"}; !slices.Equal(names, want) {
		t.Errorf("the layer holds %q, want %q", names, want)
	}
}

func TestRefusesPathsThatAreNotAbsolute(t *testing.T) {
	for _, f := range []string{"x=main.go", "main.go", "/x=no-such-file"} {
		if _, err := layer([]string{f}); err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(f, "/x=")) {
			t.Errorf("%q: got %v, want an error that names it", f, err)
		}
	}
}
