//go:build e2e

package operator

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/test/votebook"
)

// votes copies what signer volumes hold, again and again, into one book: the volumes
// of a local cluster are folders of this machine.
type votes struct {
	n     *network
	book  *votebook.Book
	byKey *votebook.Book  // the same, of whoever has the consensus key
	seen  map[string]bool // folders that gave a record
	mu    sync.Mutex
	// everywhere: volumes of all namespaces are read, not of the network's alone.
	everywhere atomic.Bool
}

// A log keeps more records than a validator adds in that time.
const copyEvery = 5 * time.Second

func watchVotes(n *network) *votes {
	v := &votes{n: n, book: votebook.New(), byKey: votebook.New(), seen: map[string]bool{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(copyEvery)
		defer tick.Stop()
		for {
			v.collect(ctx)
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	n.Cleanup(func() {
		v.collect(context.Background())
		cancel()
		<-done
		prepares, commits := v.book.Counts()
		v.mu.Lock()
		n.Logf("%d prepare and %d commit votes of %d volumes on record", prepares, commits, len(v.seen))
		if len(v.seen) == 0 {
			n.Error("no signer volume was ever read: that nothing was signed twice is not shown")
		}
		v.mu.Unlock()
	})
	return v
}

// collect adds every signer volume of the namespace to the book, and what was one before:
// a restored API server may have forgotten it.
func (v *votes) collect(ctx context.Context) {
	v.mu.Lock()
	known := slices.Collect(maps.Keys(v.seen))
	v.mu.Unlock()
	for _, dir := range known {
		v.read(dir)
	}
	var claims corev1.PersistentVolumeClaimList
	of := []client.ListOption{client.HasLabels{v1alpha1.LabelValidator}}
	if !v.everywhere.Load() {
		of = append(of, client.InNamespace(v.n.ns))
	}
	if err := v.n.List(ctx, &claims, of...); err != nil {
		return // the API server may be stopped by the test: the next time
	}
	for i := range claims.Items {
		claim := &claims.Items[i]
		if !strings.Contains(claim.Name, "-signer-") || claim.Spec.VolumeName == "" {
			continue
		}
		var volume corev1.PersistentVolume
		if err := v.n.Get(ctx, client.ObjectKey{Name: claim.Spec.VolumeName}, &volume); err != nil {
			continue
		}
		for _, dir := range instances(folder(&volume)) {
			if !slices.Contains(known, dir) {
				v.read(dir)
			}
		}
	}
}

// instances are the folders in a signer volume that hold an identity's record: the one
// in use and those that were set aside.
func instances(volume string) []string {
	if volume == "" {
		return nil
	}
	records, err := filepath.Glob(filepath.Join(volume, "*", "identity.json"))
	if err != nil {
		return nil
	}
	for i, r := range records {
		records[i] = filepath.Dir(r)
	}
	return records
}

func folder(volume *corev1.PersistentVolume) string {
	switch {
	case volume.Spec.Local != nil:
		return volume.Spec.Local.Path
	case volume.Spec.HostPath != nil:
		return volume.Spec.HostPath.Path
	}
	return ""
}

// read adds one instance's vote log.
func (v *votes) read(dir string) {
	record, states, err := records(dir)
	if err != nil {
		return // no identity yet, or torn by the copy: the next time
	}
	v.mu.Lock()
	v.seen[dir] = true
	v.mu.Unlock()
	for k := range states {
		if err := v.book.Add(record.NetworkKey, &states[k]); err != nil {
			v.n.Errorf("signed twice: %v", err)
		}
		if err := v.byKey.Add(record.ConsensusKey, &states[k]); err != nil {
			v.n.Errorf("a key signed twice: %v", err)
		}
	}
}

// records reads a copy of an instance's vote log, which may be in use.
func records(dir string) (signer.Record, []votelog.StateOverview, error) {
	record, err := signer.ReadRecord(dir)
	if err != nil {
		return record, nil, err
	}
	_, owner, _, err := record.Keys()
	if err != nil {
		return record, nil, err
	}
	copied, err := os.MkdirTemp("", "bedrock-votelog-")
	if err != nil {
		return record, nil, err
	}
	defer os.RemoveAll(copied)
	if err := os.CopyFS(copied, os.DirFS(filepath.Join(dir, "votelog"))); err != nil {
		return record, nil, err // a segment was dropped while it was copied
	}
	in, err := votelog.Inspect(copied, votelog.Options{Owner: owner, AllowUnsafeFileSystem: true})
	if err != nil {
		return record, nil, err
	}
	out := make([]votelog.StateOverview, len(in.Records))
	for k := range in.Records {
		out[k] = in.Records[k].State
	}
	return record, out, nil
}

// lastEpoch is the newest epoch in which an instance is on record with a signature.
func (n *network) lastEpoch(dir string) uint64 {
	n.Helper()
	var out uint64
	wait(n.T, "the vote log in "+dir+" to be read whole", 30*time.Second, func() (bool, string) {
		_, states, err := records(dir)
		if err != nil || len(states) == 0 {
			return false, fmt.Sprintf("%d records: %v", len(states), err)
		}
		for _, s := range states {
			if s.VotedView > 0 || s.CommitView > 0 || s.TimeoutView > 0 {
				out = max(out, s.Epoch)
			}
		}
		return true, ""
	})
	return out
}

// signerFolder is the folder of the instance on a signer volume.
func (n *network) signerFolder(claim string) string {
	n.Helper()
	var c corev1.PersistentVolumeClaim
	if err := n.Get(n.Context(), client.ObjectKey{Namespace: n.ns, Name: claim}, &c); err != nil {
		n.Fatal(err)
	}
	all := instances(n.folderOf(&c))
	if len(all) != 1 {
		n.Fatalf("%d instances on the volume of %s, want 1", len(all), claim)
	}
	return all[0]
}

// signerFolders are the folders of the instances on the network's signer volumes.
func (n *network) signerFolders() []string {
	n.Helper()
	var claims corev1.PersistentVolumeClaimList
	if err := n.List(n.Context(), &claims, client.InNamespace(n.ns), client.HasLabels{v1alpha1.LabelValidator}); err != nil {
		n.Fatal(err)
	}
	var out []string
	for i := range claims.Items {
		if strings.Contains(claims.Items[i].Name, "-signer-") {
			out = append(out, instances(n.folderOf(&claims.Items[i]))...)
		}
	}
	return out
}

func (n *network) folderOf(claim *corev1.PersistentVolumeClaim) string {
	n.Helper()
	var volume corev1.PersistentVolume
	if err := n.Get(n.Context(), client.ObjectKey{Name: claim.Spec.VolumeName}, &volume); err != nil {
		n.Fatal(err)
	}
	return folder(&volume)
}
