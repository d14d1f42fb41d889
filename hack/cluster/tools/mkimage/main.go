// Command mkimage writes an image of one layer from local files, in the format that
// 'docker save' writes and 'ctr images import' reads. It needs no daemon and no registry,
// and the same files always give the same bytes.
//
//	mkimage -o pause.tar -t cluster.local/pause:1 -entrypoint /pause /pause=bin/pause
package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"strings"
)

// A file is held in memory, and the images made here are of one small program.
const maxFile = 256 << 20

type entry struct {
	name string
	mode int64
	data []byte
}

func main() {
	out := flag.String("o", "image.tar", "the file to write")
	tag := flag.String("t", "", "the image's full name, as in cluster.local/pause:1")
	entrypoint := flag.String("entrypoint", "", "the program to run")
	user := flag.String("user", "65532:65532", "whom it runs as")
	flag.Parse()
	if *tag == "" || *entrypoint == "" || flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: mkimage -t NAME -entrypoint PROGRAM [-o FILE] [-user UID:GID] /PATH=FILE...")
		os.Exit(2)
	}
	if err := write(*out, *tag, *entrypoint, *user, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(out, tag, entrypoint, user string, files []string) error {
	layer, err := layer(files)
	if err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "created": "1970-01-01T00:00:00Z",
		"config": map[string]any{"Entrypoint": []string{entrypoint}, "User": user, "Env": []string{"PATH=/"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))}},
	})
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%x.json", sha256.Sum256(config))
	manifest, err := json.Marshal([]map[string]any{{"Config": name, "RepoTags": []string{tag}, "Layers": []string{"layer.tar"}}})
	if err != nil {
		return err
	}
	image, err := archive([]entry{{name, 0o644, config}, {"layer.tar", 0o644, layer}, {"manifest.json", 0o644, manifest}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(out, image, 0o644); err != nil {
		return fmt.Errorf("write the image: %w", err)
	}
	return nil
}

// layer holds the files, the folders that they are in, and /tmp.
func layer(files []string) ([]byte, error) {
	entries := []entry{{name: "tmp/", mode: 0o1777}}
	seen := map[string]bool{".": true, "tmp": true}
	for _, f := range files {
		to, from, ok := strings.Cut(f, "=")
		if !ok || !path.IsAbs(to) {
			return nil, fmt.Errorf("%q: want /PATH=FILE", f)
		}
		to = path.Clean(to)[1:]
		data, err := read(from)
		if err != nil {
			return nil, err
		}
		var folders []string
		for d := path.Dir(to); !seen[d]; d = path.Dir(d) {
			seen[d] = true
			folders = append(folders, d)
		}
		for i := len(folders) - 1; i >= 0; i-- {
			entries = append(entries, entry{name: folders[i] + "/", mode: 0o755})
		}
		entries = append(entries, entry{to, 0o755, data})
	}
	return archive(entries)
}

func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes: build such an image with 'make image'", file, maxFile)
	}
	return data, nil
}

func archive(entries []entry) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.data)), Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("archive %s: %w", e.name, err)
		}
		if _, err := w.Write(e.data); err != nil {
			return nil, fmt.Errorf("archive %s: %w", e.name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
