package build

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// Paths in a node's pod.
const (
	homePath    = "/etc/bedrock/node"    // the ConfigMap
	genesisPath = "/etc/bedrock/genesis" // the genesis ConfigMap
	keysPath    = "/etc/bedrock/keys"    // of the identity Job: the brought key
	signerMount = "/var/lib/bedrock/signer"
	chainMount  = "/var/lib/bedrock/chain"
	tmpPath     = "/tmp"

	// The folders below the mounts: a volume's root may hold lost+found, and belong
	// to root.
	signerDir = signerMount + "/instance"
	chainDir  = chainMount + "/data"
)

// Keys of the ConfigMap.
const (
	configKey = "config.yaml"
	// Files that a running node reads again. // rule: peers-by-name, exposure
	announceKey = "announce"
	peersKey    = "peers"
	// GenesisKey is the key of the document in a genesis ConfigMap.
	GenesisKey = "genesis.json"
)

// setting is one line of the node's configuration; section may be empty.
type setting struct {
	section, key string
	value        any
}

// Shares of the container's memory, so that a small node does not outgrow it: the rest
// is the module's instances and the Go heap.
const (
	cacheShare = 16
	cacheMin   = 8 << 20
	cacheMax   = 1 << 30
	heapShare  = 60 // percent of memory that Go's collector aims at
)

func (in *Instance) cacheBytes() int64 {
	return min(max(in.Compute.Memory.Value()/cacheShare, cacheMin), cacheMax)
}

// durable are the settings that a node reads at its start alone.
func (in *Instance) durable() []setting {
	cache := in.cacheBytes()
	out := []setting{
		{"", "moniker", in.Moniker},
		{"", "role", "validator"},
		{"genesis", "file", genesisPath + "/" + GenesisKey},
		{"dirs", "data", chainDir},
		{"dirs", "signer", signerDir},
		{"log", "format", "json"},
		{"p2p", "listen", []string{fmt.Sprintf("0.0.0.0:%d", names.PortP2P)}},
		{"p2p", "announce_file", homePath + "/" + announceKey},
		{"p2p", "peers_file", homePath + "/" + peersKey},
		{"rpc", "listen", fmt.Sprintf(":%d", names.PortRPC)},
		{"ops", "listen", fmt.Sprintf(":%d", names.PortOps)},
		{"storage", "write_buffer_bytes", cache},
		{"storage", "block_cache_bytes", cache},
		{"executor", "page_cache_bytes", cache},
		{"sync", "mode", in.Sync},
	}
	if in.Schema > 0 { // rule: schema-after-fleet
		out = append(out, setting{"storage", "schema", in.Schema})
	}
	if len(in.AdminKeys) > 0 { // rule: pinned-admin
		out = append(out, setting{"admin", "listen", ""},
			setting{"admin", "pinned_listen", fmt.Sprintf(":%d", names.PortAdmin)},
			setting{"admin", "clients", in.AdminKeys})
	}
	return out
}

// lines is a file with one entry a line.
func lines(entries []string) string {
	if len(entries) == 0 {
		return ""
	}
	return strings.Join(entries, "\n") + "\n"
}

// encode writes settings as YAML: a section stands once, where it comes first.
// Values are JSON, which YAML reads.
func encode(settings []setting) string {
	var b strings.Builder
	done := map[string]bool{}
	for _, s := range settings {
		if s.section == "" {
			fmt.Fprintf(&b, "%s: %s\n", s.key, value(s.value))
			continue
		}
		if done[s.section] {
			continue
		}
		done[s.section] = true
		fmt.Fprintf(&b, "%s:\n", s.section)
		for _, t := range settings {
			if t.section == s.section {
				fmt.Fprintf(&b, "  %s: %s\n", t.key, value(t.value))
			}
		}
	}
	return b.String()
}

func value(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // strings, numbers and lists of strings only
	}
	return strings.TrimSpace(b.String())
}

// ConfigMap is the node's home.
func ConfigMap(in *Instance) *corev1ac.ConfigMapApplyConfiguration {
	return corev1ac.ConfigMap(in.name(), in.Namespace).
		WithLabels(in.Labels(v1alpha1.ComponentValidator)).
		WithOwnerReferences(in.owner()).
		WithData(map[string]string{
			configKey:   encode(in.durable()),
			announceKey: lines(in.Announce),
			peersKey:    lines(in.Peers),
		})
}

// ConfigHash is the hash of all that a node has to be restarted for, its image aside.
// Peers and announced addresses are not in it. // rule: peers-by-name, exposure
func ConfigHash(in *Instance) string {
	h := sha256.New()
	for _, part := range append([]string{encode(in.durable())}, startArgs(in)...) {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	fmt.Fprintf(h, "cpu %s memory %s", in.Compute.CPU.String(), in.Compute.Memory.String())
	return hex.EncodeToString(h.Sum(nil))[:16]
}
