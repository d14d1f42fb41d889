package main

import (
	"context"
	"fmt"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"
)

const (
	copyUsage = `usage: kube etcd-copy save ENDPOINT FILE   (every revision that is not compacted)
       kube etcd-copy restore FILE DATA-DIR PEER-URL`
	copyLimit = 2 * time.Minute
)

// copyMain saves etcd's database to a file, or makes a data folder from such a file.
func copyMain() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 3 && args[0] == "save":
		err = save(args[1], args[2])
	case len(args) == 4 && args[0] == "restore":
		err = restore(args[1], args[2], args[3])
	default:
		fmt.Fprintln(os.Stderr, copyUsage)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func save(endpoint, file string) error {
	ctx, cancel := context.WithTimeout(context.Background(), copyLimit)
	defer cancel()
	config := clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: copyLimit, Logger: zap.NewNop()}
	if _, err := snapshot.NewV3(zap.NewNop()).Save(ctx, config, file); err != nil {
		return fmt.Errorf("copy etcd at %s to %s: %w", endpoint, file, err)
	}
	return nil
}

// restore makes folder the data of a new member that listens at peer. Watches of clients
// must not go on from revisions that the copy lacks, so the revision jumps and all before
// is compacted, as etcd's own documents advise for Kubernetes.
func restore(file, folder, peer string) error {
	err := snapshot.NewV3(zap.NewNop()).Restore(snapshot.RestoreConfig{
		SnapshotPath: file, OutputDataDir: folder,
		Name: "default", PeerURLs: []string{peer}, InitialCluster: "default=" + peer,
		InitialClusterToken: fmt.Sprintf("restored-%d", time.Now().UnixNano()),
		RevisionBump:        1_000_000_000, MarkCompacted: true,
	})
	if err != nil {
		return fmt.Errorf("restore %s to %s: %w", file, folder, err)
	}
	return nil
}
