package signer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Why an identity was set aside.
const (
	AsideMarks   = "marks"    // the volume is mounted under other marks
	AsideVoteLog = "votelog"  // the vote log cannot vouch for what was signed
	AsideEcho    = "own-echo" // peers hold newer signatures of its key
	AsideDamaged = "damaged"  // key files are missing or do not fit the record
	AsideAdopted = "adopted"  // another identity was taken back in its place
	// AsideSuperseded: the chain has left it behind for good, and its keys are gone.
	AsideSuperseded = "superseded"
)

const (
	maxAsides   = 1000
	asideDigits = 4
)

// SetAside tells of an identity that must not sign any more. Its files stay.
type SetAside struct {
	Folder     string `json:"folder"` // below the volume
	Why        string `json:"why"`
	Detail     string `json:"detail"`
	NetworkKey string `json:"network_key"` // hex; empty where it is not known
}

// identityFiles are moved in this order, aside and back: the record last when an
// identity comes, first when it goes.
var identityFiles = []string{identityName, consensusName, networkName, voteLogName, marksName}

// putAside moves the volume's identity and vote log into a folder of their own.
// A crash between its steps is carried on by settle. // rule: volume-foreign
func putAside(dir, why, detail string) (SetAside, error) {
	folder, err := newAsideName(dir)
	if err != nil {
		return SetAside{}, err
	}
	aside := SetAside{Folder: folder, Why: why, Detail: detail}
	if r, err := ReadRecord(dir); err == nil {
		aside.NetworkKey = r.NetworkKey
	}
	b, err := json.MarshalIndent(&aside, "", "  ")
	if err != nil {
		return aside, err
	}
	if err := replace(filepath.Join(dir, pendingName), append(b, '\n')); err != nil {
		return aside, fmt.Errorf("set identity aside: %w", err)
	}
	return aside, finishAside(dir)
}

// finishAside does, or carries on, what aside.pending says.
func finishAside(dir string) error {
	pending := filepath.Join(dir, pendingName)
	b, err := readBounded(pending, maxRecordBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("set identity aside: %w", err)
	}
	var aside SetAside
	if err := json.Unmarshal(b, &aside); err != nil {
		return fmt.Errorf("set identity aside: read %s: %w", pending, err)
	}
	if aside.Folder != filepath.Base(aside.Folder) || !strings.HasPrefix(aside.Folder, asidePrefix) {
		return fmt.Errorf("set identity aside: %s names the folder %q", pending, aside.Folder)
	}
	folder := filepath.Join(dir, aside.Folder)
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("set identity aside: %w", err)
	}
	if err := moveAll(dir, folder, append(slices.Clone(identityFiles), supersededName, continuedName)); err != nil {
		return fmt.Errorf("set identity aside: %w", err)
	}
	if err := replace(filepath.Join(folder, reasonName), b); err != nil {
		return fmt.Errorf("set identity aside: %w", err)
	}
	if err := os.Remove(pending); err != nil {
		return fmt.Errorf("set identity aside: %w", err)
	}
	return syncDir(dir)
}

// moveAll moves those of names that are there and syncs both folders.
func moveAll(from, to string, names []string) error {
	for _, name := range names {
		there, err := exists(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		if err := moveNew(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return errors.Join(syncDir(to), syncDir(from))
}

// settle carries on what a crash broke off: a set-aside, or a birth.
func settle(dir string) error {
	if err := finishAside(dir); err != nil {
		return err
	}
	birth := filepath.Join(dir, birthName)
	unborn, err := exists(birth)
	if err != nil || !unborn {
		return err
	}
	born, err := exists(filepath.Join(dir, identityName))
	if err != nil {
		return err
	}
	if born { // all but the marker's removal was done
		if err := os.Remove(birth); err != nil {
			return err
		}
		return syncDir(dir)
	}
	// Keys of a birth that broke off were shown to nobody and signed nothing.
	for _, name := range identityFiles {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(birth); err != nil {
		return err
	}
	return syncDir(dir)
}

// listAsides are the folders of identities set aside, oldest first.
func listAsides(dir string) ([]SetAside, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var asides []SetAside
	for _, e := range entries {
		if _, ok := asideNumber(e.Name()); !ok || !e.IsDir() {
			continue
		}
		aside := SetAside{Folder: e.Name()}
		if b, err := readBounded(filepath.Join(dir, e.Name(), reasonName), maxRecordBytes); err == nil {
			if err := json.Unmarshal(b, &aside); err != nil {
				return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, e.Name(), reasonName), err)
			}
			aside.Folder = e.Name()
		}
		asides = append(asides, aside)
	}
	slices.SortFunc(asides, func(a, b SetAside) int { return strings.Compare(a.Folder, b.Folder) })
	return asides, nil
}

// LastAside says which identity was set aside last and why; empty where none was.
func (s *Signer) LastAside() (string, error) {
	asides, err := listAsides(s.dir)
	if err != nil || len(asides) == 0 {
		return "", err
	}
	last := asides[len(asides)-1]
	return fmt.Sprintf("identity %s was set aside (%s: %s)", last.NetworkKey, last.Why, last.Detail), nil
}

// asideNumber is that of a folder's name; false: it is somebody's own.
func asideNumber(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, asidePrefix)
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil && len(digits) == asideDigits
}

// newAsideName is a folder above all that there are, so that their names tell their order:
// one that was taken back leaves a gap.
func newAsideName(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("look for identities that were set aside: %w", err)
	}
	last := 0
	for _, e := range entries {
		if n, ok := asideNumber(e.Name()); ok {
			last = max(last, n)
		}
	}
	if last >= maxAsides {
		return "", fmt.Errorf("%s holds the %dth identity that was set aside: use another volume", dir, last)
	}
	return fmt.Sprintf("%s%0*d", asidePrefix, asideDigits, last+1), nil
}
