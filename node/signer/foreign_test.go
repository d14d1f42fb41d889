package signer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/node/types"
)

// rule: volume-foreign
func TestCopiedFolderIsForeign(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "signer")
	record := mustInit(t, dir, testInit)
	copied := filepath.Join(t.TempDir(), "signer")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(copied, networkName), 0o600); err != nil {
		t.Fatal(err)
	}
	s, opened := mustOpen(t, copied)
	if opened.SetAside == nil || opened.SetAside.Why != AsideMarks || opened.SetAside.NetworkKey != record.NetworkKey {
		t.Fatalf("a copied folder was opened as %+v", opened)
	}
	if s.Record().NetworkKey == record.NetworkKey || s.Record().ConsensusKey == record.ConsensusKey {
		t.Error("the copy goes on with the original's keys")
	}
	// The original is not touched, and both come up the same way again.
	if o, opened := mustOpen(t, dir); opened.SetAside != nil || o.Record() != record {
		t.Errorf("the original opened as %+v", opened)
	}
	next := s.Record()
	s.Close()
	if again, opened := mustOpen(t, copied); opened.SetAside != nil || again.Record() != next {
		t.Errorf("the copy's second start: %+v", opened)
	}
}

func TestGivenMarksDecide(t *testing.T) {
	dir := t.TempDir()
	opt := testInit
	opt.Marks = []string{"pvc-1", "cluster-1"}
	record := mustInit(t, dir, opt)
	s, opened := mustOpen(t, dir, "pvc-1", "cluster-1")
	if opened.SetAside != nil || s.Record() != record {
		t.Fatalf("the same marks: %+v", opened)
	}
	s.Close()
	s, opened = mustOpen(t, dir, "pvc-1", "cluster-2")
	if opened.SetAside == nil || s.Record().NetworkKey == record.NetworkKey {
		t.Fatalf("other marks: %+v", opened)
	}
}

func TestVolumesThatAreDamagedGetANewIdentity(t *testing.T) {
	for name, want := range map[string]string{
		voteLogName: AsideVoteLog, networkName: AsideDamaged, consensusName: AsideDamaged, marksName: AsideMarks,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			record := mustInit(t, dir, testInit)
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			s, opened := mustOpen(t, dir)
			if opened.SetAside == nil || opened.SetAside.Why != want {
				t.Fatalf("opened as %+v, want set aside because of %s", opened.SetAside, want)
			}
			if s.Record().NetworkKey == record.NetworkKey || s.Record().ConsensusKey == record.ConsensusKey {
				t.Error("a damaged volume goes on with its keys")
			}
		})
	}
	t.Run("another volume's key", func(t *testing.T) {
		dir, other := t.TempDir(), t.TempDir()
		mustInit(t, dir, testInit)
		mustInit(t, other, testInit)
		if err := os.Rename(filepath.Join(other, consensusName), filepath.Join(dir, consensusName)); err != nil {
			t.Fatal(err)
		}
		if _, opened := mustOpen(t, dir); opened.SetAside == nil || opened.SetAside.Why != AsideDamaged {
			t.Errorf("opened as %+v", opened.SetAside)
		}
	})
}

// A set-aside is broken off after each move; the next start carries it on, and makes the
// new identity as the start that broke off would have. // rule: volume-foreign
func TestSetAsideThatBrokeOff(t *testing.T) {
	for steps := range len(identityFiles) + 1 {
		dir := t.TempDir()
		record := mustInit(t, dir, testInit)
		pending, err := json.Marshal(&SetAside{Folder: asidePrefix + "0001", Why: AsideMarks, NetworkKey: record.NetworkKey})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, pendingName), pending, 0o600); err != nil {
			t.Fatal(err)
		}
		aside := filepath.Join(dir, asidePrefix+"0001")
		if steps > 0 {
			if err := os.Mkdir(aside, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range identityFiles[:steps] {
			if err := os.Rename(filepath.Join(dir, name), filepath.Join(aside, name)); err != nil {
				t.Fatal(err)
			}
		}
		s, opened := mustOpen(t, dir)
		if opened.SetAside == nil || opened.SetAside.NetworkKey != record.NetworkKey || s.Record().NetworkKey == record.NetworkKey || s.Record().Scheme != record.Scheme {
			t.Fatalf("after %d moves: opened as %s, set aside %+v", steps, s.Record().NetworkKey, opened.SetAside)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for _, name := range append(identityFiles, reasonName) {
			if there, _ := exists(filepath.Join(aside, name)); !there {
				t.Errorf("after %d moves: %s is not with the identity that was set aside", steps, name)
			}
		}
		back, err := Adopt(dir, AdoptOptions{NoOtherCopy: true, AllowUnsafeFileSystem: true})
		if err != nil || back != record {
			t.Fatalf("after %d moves: Adopt: %v", steps, err)
		}
		mustOpen(t, dir)
	}
}

// One whose new identity was not born is carried on too, by the next start; an adoption
// that broke off, or files of an identity without a record, are left to a person.
func TestBirthAfterASetAsideThatBrokeOff(t *testing.T) {
	for _, tt := range []struct {
		why, left string // left: in place, of no record
		adopted   bool   // one was taken back long before
		refused   bool
	}{
		{why: AsideMarks}, {why: AsideVoteLog}, {why: AsideEcho}, {why: AsideDamaged}, {why: AsideSuperseded}, {why: AsideEcho, adopted: true},
		{why: AsideAdopted, refused: true}, {why: AsideVoteLog, left: consensusName, refused: true},
	} {
		dir := t.TempDir()
		record := mustInit(t, dir, testInit)
		if tt.adopted {
			folder := filepath.Join(dir, asidePrefix+"0001")
			if err := os.Mkdir(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, reasonName), []byte(`{"why":"adopted"}`), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := putAside(dir, tt.why, "a test"); err != nil {
			t.Fatal(err)
		}
		if tt.left != "" {
			if err := os.WriteFile(filepath.Join(dir, tt.left), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		} else if err := os.Mkdir(filepath.Join(dir, birthName), 0o700); err != nil {
			t.Fatal(err)
		}
		s, opened, err := Open(dir, Options{AllowUnsafeFileSystem: true})
		if tt.refused {
			if err == nil || !strings.Contains(err.Error(), "identity adopt") {
				t.Errorf("%s, %q left: %v, want the way back named", tt.why, tt.left, err)
			}
			continue
		}
		if err != nil || opened.SetAside == nil || opened.SetAside.Why != tt.why || s.Record().NetworkKey == record.NetworkKey {
			t.Fatalf("%s: %+v, %v", tt.why, opened.SetAside, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if again, opened := mustOpen(t, dir); opened.SetAside != nil || again.Record() != s.Record() {
			t.Errorf("%s: the next start opened it as %+v", tt.why, opened)
		}
	}
}

// Which recovery was taken is told of the vote log that was held against it, and of none
// that is on the volume before or after. // rule: recovery-genesis
func TestATakenRecoveryIsOfItsVoteLog(t *testing.T) {
	dir := t.TempDir()
	opt := testInit
	opt.Marks = []string{"claim-1"}
	mustInit(t, dir, opt)
	for i, step := range []struct {
		marks     string
		adopt     bool
		had, take types.Hash
	}{
		{"claim-1", false, types.Hash{}, types.Hash{1}}, {"claim-1", false, types.Hash{1}, types.Hash{1}},
		{"claim-2", false, types.Hash{}, types.Hash{2}}, // a new identity
		{"claim-2", true, types.Hash{1}, types.Hash{3}}, {"claim-2", false, types.Hash{3}, types.Hash{3}},
	} {
		if step.adopt {
			if _, err := Adopt(dir, AdoptOptions{Marks: []string{step.marks}, NoOtherCopy: true, AllowUnsafeFileSystem: true}); err != nil {
				t.Fatal(err)
			}
		}
		s, _ := mustOpen(t, dir, step.marks)
		if had, err := s.Continued(); err != nil || had != step.had {
			t.Errorf("step %d: it had taken %s, %v, want %s", i, had, err, step.had)
		}
		if err := s.SetContinued(step.take); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAdopt(t *testing.T) {
	dir := t.TempDir()
	opt := testInit
	opt.Marks = []string{"claim-1"}
	record := mustInit(t, dir, opt)
	adopt := AdoptOptions{Marks: []string{"claim-2"}, NoOtherCopy: true, AllowUnsafeFileSystem: true}

	if _, err := Adopt(dir, AdoptOptions{Marks: []string{"claim-2"}, AllowUnsafeFileSystem: true}); err == nil || !strings.Contains(err.Error(), "--no-other-copy") {
		t.Fatalf("Adopt without the statement: %v", err)
	}
	// Before any start under the new marks.
	if back, err := Adopt(dir, adopt); err != nil || back != record {
		t.Fatalf("Adopt in place: %+v, %v", back, err)
	}
	s, opened := mustOpen(t, dir, "claim-2")
	if opened.SetAside != nil || s.Record() != record {
		t.Fatalf("after adoption: %+v", opened)
	}
	s.Close()
	if _, err := Adopt(dir, adopt); err == nil || !strings.Contains(err.Error(), "nothing to take back") {
		t.Fatalf("Adopt of what fits: %v", err)
	}
	// After a start that set it aside.
	s, opened = mustOpen(t, dir, "claim-3")
	if opened.SetAside == nil {
		t.Fatal("other marks were not seen")
	}
	replacement := s.Record()
	s.Close()
	adopt.Marks = []string{"claim-3"}
	if back, err := Adopt(dir, adopt); err != nil || back != record {
		t.Fatalf("Adopt of one set aside: %+v, %v", back, err)
	}
	s, opened = mustOpen(t, dir, "claim-3")
	if opened.SetAside != nil || s.Record() != record {
		t.Fatalf("after adoption: %+v", opened)
	}
	asides, err := listAsides(dir)
	if err != nil || len(asides) != 1 || asides[0].NetworkKey != replacement.NetworkKey || asides[0].Why != AsideAdopted {
		t.Errorf("the replacement was not set aside: %+v, %v", asides, err)
	}
}

// The last one that was set aside is the last by name, whatever was taken back before: a
// name is not used again below one that is there.
func TestAsidesAreNamedInOrder(t *testing.T) {
	dir := t.TempDir()
	opt := testInit
	opt.Marks = []string{"claim-1"}
	mustInit(t, dir, opt)
	s, _ := mustOpen(t, dir, "claim-2") // the first is set aside
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Adopt(dir, AdoptOptions{Marks: []string{"claim-2"}, NoOtherCopy: true, AllowUnsafeFileSystem: true}); err != nil {
		t.Fatal(err) // and comes back in the second one's place
	}
	s, _ = mustOpen(t, dir, "claim-2")
	aside, err := s.Foreign(AsideEcho, "view 9 is newer than view 7")
	if err != nil {
		t.Fatal(err)
	}
	if last, err := s.LastAside(); err != nil || !strings.Contains(last, aside.NetworkKey) || !strings.Contains(last, AsideEcho) {
		t.Errorf("set aside as %s, and the last one is told as %q, %v", aside.Folder, last, err)
	}
	for _, name := range []string{"0009.bak", "77777", "-7", "x"} { // people's own
		if err := os.Mkdir(filepath.Join(dir, asidePrefix+name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if name, err := newAsideName(dir); err != nil || name != asidePrefix+"0004" {
		t.Errorf("the next one is %q, %v", name, err)
	}
	if err := os.Mkdir(filepath.Join(dir, asidePrefix+"1000"), 0o700); err != nil {
		t.Fatal(err)
	}
	if name, err := newAsideName(dir); err == nil || !strings.Contains(err.Error(), "use another volume") {
		t.Errorf("after the last name: %q, %v", name, err)
	}
}

// An adoption that was killed before its last step leaves a folder with a reason alone, and
// people keep copies: neither is an identity that can be taken back.
func TestWhatIsLeftOfAnAdoptionIsNoIdentity(t *testing.T) {
	dir := t.TempDir()
	opt := testInit
	opt.Marks = []string{"claim-1"}
	mustInit(t, dir, opt)
	for _, marks := range []string{"claim-2", "claim-1"} { // each is set aside once
		s, _ := mustOpen(t, dir, marks)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	asides, err := listAsides(dir)
	if err != nil || len(asides) != 2 {
		t.Fatalf("%v, %v: want two", asides, err)
	}
	for _, left := range []string{asidePrefix + "0003", asidePrefix + "0001.bak"} {
		if err := os.CopyFS(filepath.Join(dir, left), os.DirFS(filepath.Join(dir, asides[0].Folder))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range identityFiles {
		if err := os.RemoveAll(filepath.Join(dir, asidePrefix+"0003", name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := chooseAside(dir, ""); err == nil || strings.Contains(err.Error(), "0003") || strings.Contains(err.Error(), "bak") {
		t.Errorf("two can be taken back: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(dir, asides[1].Folder)); err != nil {
		t.Fatal(err)
	}
	if a, err := chooseAside(dir, ""); err != nil || a.Folder != asides[0].Folder {
		t.Errorf("%s is taken back, %v, want %s", a.Folder, err, asides[0].Folder)
	}
}

// rule: own-echo
func TestWhatPeersKnowBetterIsNeverTakenBack(t *testing.T) {
	for _, why := range []string{AsideEcho, AsideVoteLog} {
		dir := t.TempDir()
		record := mustInit(t, dir, testInit)
		s, _ := mustOpen(t, dir)
		aside, err := s.Foreign(why, "view 9 is newer than view 7")
		if err != nil || aside.NetworkKey != record.NetworkKey {
			t.Fatalf("Foreign: %+v, %v", aside, err)
		}
		s.Resume("foreign")
		if len(s.Suspended()) == 0 {
			t.Error("the process may go on signing")
		}
		s.Close()
		_, err = Adopt(dir, AdoptOptions{Folder: aside.Folder, NoOtherCopy: true, AllowUnsafeFileSystem: true})
		if err == nil || !strings.Contains(err.Error(), "never sign again") {
			t.Errorf("%s: Adopt: %v", why, err)
		}
		if s, opened := mustOpen(t, dir); opened.SetAside != nil || s.Record().NetworkKey == record.NetworkKey {
			t.Errorf("%s: next start: %+v", why, opened)
		}
	}
}

func TestAdoptNeedsTheVoteLog(t *testing.T) {
	dir := t.TempDir()
	mustInit(t, dir, testInit)
	s, _ := mustOpen(t, dir, "elsewhere")
	s.Close()
	asides, err := listAsides(dir)
	if err != nil || len(asides) != 1 {
		t.Fatalf("asides %+v, %v", asides, err)
	}
	if err := os.RemoveAll(filepath.Join(dir, asides[0].Folder, voteLogName)); err != nil {
		t.Fatal(err)
	}
	_, err = Adopt(dir, AdoptOptions{NoOtherCopy: true, Marks: []string{"elsewhere"}, AllowUnsafeFileSystem: true})
	if err == nil || !strings.Contains(err.Error(), "never sign again") {
		t.Errorf("Adopt without a vote log: %v", err)
	}
}
