package signer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Marks say what a volume is mounted as. Where nobody gives any, they are the
// machine's id, the file system's id and the inode of the marks file itself, so
// that a copied folder is foreign. // rule: identity-born, volume-foreign
type Marks struct {
	Version   int      `json:"version"`
	Given     []string `json:"given,omitempty"` // e.g. the UIDs of PVC and cluster
	MachineID string   `json:"machine_id,omitempty"`
	FSID      string   `json:"fs_id,omitempty"`
	Inode     uint64   `json:"inode,omitempty"`
}

const (
	marksVersion  = 1
	maxMarks      = 16
	maxMarkBytes  = 256
	machineIDPath = "/etc/machine-id"
)

// CheckMarks bounds what is given as marks.
func CheckMarks(given []string) error {
	if len(given) > maxMarks {
		return fmt.Errorf("%d marks, at most %d", len(given), maxMarks)
	}
	for _, m := range given {
		if m == "" || len(m) > maxMarkBytes {
			return fmt.Errorf("mark %.40q: use 1 to %d bytes", m, maxMarkBytes)
		}
	}
	return nil
}

// volumeID is what the public record shows of marks.
func (m *Marks) volumeID() string {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings and integers only
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// difference says how m, found now, differs from what the volume records.
func (m *Marks) difference(recorded *Marks) string {
	switch {
	case len(m.Given) > 0 || len(recorded.Given) > 0:
		if !slices.Equal(m.Given, recorded.Given) {
			return fmt.Sprintf("the volume is marked %v and mounted as %v", recorded.Given, m.Given)
		}
	case m.MachineID != recorded.MachineID:
		return "the volume was made on another machine (machine id)"
	case m.FSID != recorded.FSID:
		return "the volume was made on another file system"
	case m.Inode != recorded.Inode:
		return "the volume's files are copies (inode of the marks file)"
	}
	return ""
}

// marksNow are the marks of an existing marks file under the given ones.
func marksNow(path string, given []string) (Marks, error) {
	m := Marks{Version: marksVersion, Given: slices.Clone(given)}
	if len(given) > 0 {
		return m, nil
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return m, fmt.Errorf("find the inode of %s: %w", path, err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return m, fmt.Errorf("find the file system of %s: %w", path, err)
	}
	m.Inode = st.Ino
	m.FSID = fmt.Sprintf("%08x%08x", uint32(fs.Fsid.Val[0]), uint32(fs.Fsid.Val[1]))
	if id, err := os.ReadFile(machineIDPath); err == nil { // some containers have none
		m.MachineID = strings.TrimSpace(string(id))
	}
	return m, nil
}

// writeMarks makes the marks file: it must exist before its inode is known.
func writeMarks(path string, given []string) (Marks, error) {
	if err := writeNew(path, nil); err != nil {
		return Marks{}, err
	}
	return rewriteMarks(path, given)
}

// rewriteMarks records the marks that the volume has now, in place: the inode
// must stay.
func rewriteMarks(path string, given []string) (Marks, error) {
	m, err := marksNow(path, given)
	if err != nil {
		return m, err
	}
	b, err := json.Marshal(&m)
	if err != nil {
		return m, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return m, err
	}
	defer f.Close()
	if _, err := f.Write(append(b, '\n')); err != nil {
		return m, err
	}
	return m, f.Sync()
}

func readMarks(path string) (Marks, error) {
	var m Marks
	b, err := readBounded(path, maxRecordBytes)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("%s: %w", path, err)
	}
	if m.Version != marksVersion {
		return m, fmt.Errorf("%s has version %d, this program knows %d", path, m.Version, marksVersion)
	}
	return m, nil
}
