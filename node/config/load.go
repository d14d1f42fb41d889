package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"gopkg.in/yaml.v3"
)

// FileName is the configuration's name in a home.
const FileName = "config.yaml"

// EnvPrefix begins the environment variables that override the file.
const EnvPrefix = "BEDROCK_"

const maxFileBytes = 1 << 20

// Default is the configuration of an empty file, paths still relative.
func Default() Config {
	var c Config
	for _, f := range fields() {
		if err := f.set(&c, f.preset, nil); err != nil {
			panic(fmt.Sprintf("preset of %s: %v", f.key, err)) // a test holds the table
		}
	}
	return c
}

// Load reads home's configuration and the overrides in environ (as os.Environ
// gives it), and makes its paths absolute below home. Notes name variables that
// begin with BEDROCK_ and set nothing.
func Load(home string, environ []string) (c Config, notes []string, err error) {
	path := filepath.Join(home, FileName)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil, fmt.Errorf("no configuration at %s: make a home with `bedrock init`, or name another with --home", path)
	}
	if err != nil {
		return c, nil, fmt.Errorf("read configuration: %w", err)
	}
	if info.Size() > maxFileBytes {
		return c, nil, fmt.Errorf("configuration %s has %d bytes, at most %d", path, info.Size(), maxFileBytes)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return c, nil, fmt.Errorf("read configuration: %w", err)
	}
	if c, err = Parse(raw); err != nil {
		return c, nil, fmt.Errorf("%s: %w", path, err)
	}
	if notes, err = c.override(environ); err != nil {
		return c, notes, err
	}
	if err := c.check(); err != nil {
		return c, notes, fmt.Errorf("configuration of %s: %w", home, err)
	}
	absolute, err := filepath.Abs(home)
	if err != nil {
		return c, notes, fmt.Errorf("find home: %w", err)
	}
	c.resolve(absolute)
	return c, notes, nil
}

// Parse reads a configuration file's bytes, without the environment.
func Parse(raw []byte) (Config, error) {
	c := Default()
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return c, fmt.Errorf("not readable as YAML: %w", err)
	}
	if len(doc.Content) == 0 {
		return c, nil
	}
	known := map[string]field{}
	for _, f := range fields() {
		known[f.key] = f
	}
	err := readMap(&c, known, "", doc.Content[0])
	return c, err
}

func readMap(c *Config, known map[string]field, prefix string, node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: expected keys below %q, found %s", node.Line, strings.TrimSuffix(prefix, "."), kindName(node))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		key := prefix + name.Value
		if seen[key] {
			return fmt.Errorf("line %d: key %q is there twice", name.Line, key)
		}
		seen[key] = true
		if f, ok := known[key]; ok {
			if err := readField(c, f, value); err != nil {
				return fmt.Errorf("line %d: %s: %w", value.Line, key, err)
			}
			continue
		}
		if !isSection(known, key) {
			return fmt.Errorf("line %d: unknown key %q%s", name.Line, key, nearest(known, key))
		}
		if value.Tag == "!!null" { // a section whose keys are all commented out
			continue
		}
		if err := readMap(c, known, key+".", value); err != nil {
			return err
		}
	}
	return nil
}

func readField(c *Config, f field, value *yaml.Node) error {
	switch value.Kind {
	case yaml.ScalarNode:
		if value.Tag == "!!null" {
			return errors.New("no value: write one, or remove the line for the default")
		}
		return f.set(c, value.Value, nil)
	case yaml.SequenceNode:
		items := make([]string, 0, len(value.Content))
		for _, item := range value.Content {
			if item.Kind != yaml.ScalarNode {
				return fmt.Errorf("line %d: expected plain items, found %s", item.Line, kindName(item))
			}
			items = append(items, item.Value)
		}
		return f.set(c, "", items)
	}
	return fmt.Errorf("expected a value, found %s", kindName(value))
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias, which is not read here"
	}
	return fmt.Sprintf("the value %.40q", n.Value)
}

func isSection(known map[string]field, key string) bool {
	for k := range known {
		if strings.HasPrefix(k, key+".") {
			return true
		}
	}
	return false
}

// EnvName is the environment variable that overrides a key.
func EnvName(key string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func (c *Config) override(environ []string) (notes []string, err error) {
	byName := map[string]field{}
	for _, f := range fields() {
		byName[EnvName(f.key)] = f
	}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, EnvPrefix) {
			continue
		}
		f, ok := byName[name]
		if !ok { // not refused: other programs and Kubernetes set such names too
			notes = append(notes, name+" is set and overrides no setting")
			continue
		}
		if err := f.set(c, value, nil); err != nil {
			return notes, fmt.Errorf("environment variable %s: %w", name, err)
		}
	}
	sort.Strings(notes)
	return notes, nil
}

// check holds settings against each other.
func (c *Config) check() error {
	if (c.RPC.TLSCertificate == "") != (c.RPC.TLSKey == "") {
		return errors.New("rpc.tls_certificate and rpc.tls_key: give both or neither")
	}
	taken := map[string]string{}
	for _, l := range []struct{ key, address string }{
		{"rpc.listen", c.RPC.Listen}, {"admin.listen", c.Admin.Listen}, {"admin.pinned_listen", c.Admin.PinnedListen}, {"ops.listen", c.Ops.Listen},
	} {
		if l.address == "" || strings.HasSuffix(l.address, ":0") {
			continue
		}
		if other, twice := taken[l.address]; twice {
			return fmt.Errorf("%s and %s both name %s: give each its own port", other, l.key, l.address)
		}
		taken[l.address] = l.key
	}
	if (c.Admin.PinnedListen == "") != (len(c.Admin.Clients) == 0) { // rule: pinned-admin
		return errors.New("admin.pinned_listen and admin.clients: give both or neither: who may administer the node is named by key")
	}
	if len(c.P2P.Listen) == 0 {
		return errors.New("p2p.listen is empty: name at least one address, for example 0.0.0.0:7600")
	}
	if filepath.Clean(c.Dirs.Data) == filepath.Clean(c.Dirs.Signer) {
		return fmt.Errorf("dirs.data and dirs.signer are both %s: the volumes are two, so that a chain volume can be thrown away", c.Dirs.Data)
	}
	return nil
}

func (c *Config) resolve(home string) {
	for _, p := range []*string{
		&c.Genesis.File, &c.Dirs.Data, &c.Dirs.Signer,
		&c.RPC.TLSCertificate, &c.RPC.TLSKey, &c.Executor.Module,
	} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(home, *p)
		}
	}
}
