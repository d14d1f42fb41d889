package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// maxEntry bounds what is read of one file of an image, and maxLayers how many there are.
const (
	maxEntry  = 1 << 30
	maxLayers = 128
)

// A program is a Go program of the image.
type program struct {
	path   string
	sha256 string
	info   *buildinfo.BuildInfo
}

// A debian is the record of a Debian package: field to value.
type debian map[string]string

type contents struct {
	programs []program
	packages []debian
}

// readImage reads an archive of the kind that 'docker save' writes.
func readImage(file string) (contents, error) {
	var manifest []struct{ Layers []string }
	err := walk(file, func(name string, r io.Reader) error {
		if name != "manifest.json" {
			return nil
		}
		return json.NewDecoder(io.LimitReader(r, 1<<20)).Decode(&manifest)
	})
	if err != nil {
		return contents{}, err
	}
	if len(manifest) != 1 || len(manifest[0].Layers) > maxLayers {
		return contents{}, errors.New("its manifest.json does not name one image")
	}
	layers := map[string]bool{}
	for _, l := range manifest[0].Layers {
		layers[l] = true
	}
	var all contents
	err = walk(file, func(name string, r io.Reader) error {
		if !layers[name] {
			return nil
		}
		return all.addLayer(r)
	})
	return all, err
}

func walk(file string, visit func(name string, r io.Reader) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return walkTar(f, visit)
}

func walkTar(r io.Reader, visit func(name string, r io.Reader) error) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.FileInfo().Mode().Type() != fs.FileMode(0) {
			continue
		}
		if err := visit(path.Clean(h.Name), t); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

func (c *contents) addLayer(r io.Reader) error {
	return walkTar(r, func(name string, r io.Reader) error {
		switch dir, _ := path.Split(name); dir {
		case "usr/bin/":
			data, err := io.ReadAll(io.LimitReader(r, maxEntry))
			if err != nil {
				return err
			}
			// What is no Go program belongs to a package.
			info, err := buildinfo.Read(bytes.NewReader(data))
			if err == nil {
				c.programs = append(c.programs, program{"/" + name, fmt.Sprintf("%x", sha256.Sum256(data)), info})
			}
		case "var/lib/dpkg/status.d/":
			data, err := io.ReadAll(io.LimitReader(r, 1<<20))
			if err != nil {
				return err
			}
			c.packages = append(c.packages, parseDebian(string(data)))
		}
		return nil
	})
}

func parseDebian(record string) debian {
	d := debian{}
	for line := range strings.Lines(record) {
		if field, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			d[field] = value
		}
	}
	return d
}
