package simdisk

import (
	"bytes"
	"errors"
	"syscall"
	"testing"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
)

// write writes one page after another into a new file and syncs each; the device is left
// alone with it.
func write(t *testing.T, d *Disk, pages int) []byte {
	t.Helper()
	f, err := d.Create("/file", int64(pages)*4096)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.SyncDir("/"); err != nil {
		t.Fatal(err)
	}
	want := make([]byte, 0, pages*4096)
	for i := range pages {
		page := bytes.Repeat([]byte{byte(i + 1)}, 4096)
		if _, err := f.WriteAt(page, int64(i)*4096); err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		want = append(want, page...)
	}
	if shown, err := d.Contents("/file"); err != nil || !bytes.Equal(shown, want) {
		t.Errorf("the cache shows something else than was written (%v)", err)
	}
	d.PowerCut()
	got, err := d.Contents("/file")
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i] ^= want[i]
	}
	return got
}

func TestWear(t *testing.T) {
	every := func(string) bool { return true }
	for _, tc := range []struct {
		name string
		wear Wear
		want func(differ []byte) bool
	}{
		{"none", Wear{Of: every}, func(differ []byte) bool { return len(bytes.Trim(differ, "\x00")) == 0 }},
		{"of another file", Wear{Of: func(string) bool { return false }, Lose: 1}, func(differ []byte) bool { return len(bytes.Trim(differ, "\x00")) == 0 }},
		{"flips", Wear{Of: every, Flip: 1}, func(differ []byte) bool { return len(bytes.ReplaceAll(differ, []byte{0}, nil)) == 8 }},
		{"losses", Wear{Of: every, Lose: 1}, func(differ []byte) bool { return len(bytes.ReplaceAll(differ, []byte{0}, nil))%disk.SectorBytes == 0 }},
		{"in another place", Wear{Of: every, Misdirect: 1}, func(differ []byte) bool { return len(bytes.Trim(differ, "\x00")) > 4096 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := New(1)
			d.Wear(tc.wear)
			if differ := write(t, d, 8); !tc.want(differ) {
				t.Errorf("%d bytes differ", len(bytes.ReplaceAll(differ, []byte{0}, nil)))
			}
			worn := tc.wear.Flip+tc.wear.Lose+tc.wear.Misdirect > 0 && tc.wear.Of("")
			if n := d.Worn(); worn && n != 8 || !worn && n != 0 {
				t.Errorf("%d syncs of 8 went wrong", n)
			}
		})
	}
}

func TestAFullDisk(t *testing.T) {
	d := New(1)
	f, err := d.Create("/file", 4096)
	if err != nil {
		t.Fatal(err)
	}
	d.SetFull(true)
	if _, err := d.Create("/other", 1); !errors.Is(err, syscall.ENOSPC) || !disk.IsFull(err) {
		t.Errorf("made a file: %v", err)
	}
	if _, err := f.WriteAt([]byte("ab"), 4095); !disk.IsFull(err) {
		t.Errorf("made a file longer: %v", err)
	}
	if _, err := f.WriteAt([]byte("ab"), 4094); err != nil {
		t.Errorf("within the file: %v", err)
	}
	d.SetFull(false)
	if _, err := d.Create("/other", 1); err != nil {
		t.Error(err)
	}
}
