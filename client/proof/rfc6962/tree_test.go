package rfc6962

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rfcLeaves and rfcRoots are the test data that Certificate Transparency's
// implementations share for the trees of RFC 6962, section 2.1.
var (
	rfcLeaves = []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	rfcRoots  = []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
)

func TestRootsOfTheRFC(t *testing.T) {
	var leaves [][]byte
	for i, want := range rfcRoots {
		root := Root(leaves)
		if got := hex.EncodeToString(root[:]); got != want {
			t.Errorf("root of %d leaves: got %s, want %s", i, got, want)
		}
		if i < len(rfcLeaves) {
			leaf, err := hex.DecodeString(rfcLeaves[i])
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, leaf)
		}
	}
}

// naiveRoot is the definition, word for word.
func naiveRoot(leaves [][]byte) [HashSize]byte {
	switch len(leaves) {
	case 0:
		return RootOf(nil)
	case 1:
		return LeafHash(leaves[0])
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	return NodeHash(naiveRoot(leaves[:k]), naiveRoot(leaves[k:]))
}

func testLeaves(count int) [][]byte {
	leaves := make([][]byte, count)
	for i := range leaves {
		leaves[i] = fmt.Appendf(nil, "leaf %d of %d, long enough now and then %0*d", i, count, i*5, i)
	}
	return leaves
}

func TestEveryProofVerifies(t *testing.T) {
	for count := range 70 {
		leaves := testLeaves(count)
		root := Root(leaves)
		if diff := cmp.Diff(naiveRoot(leaves), root); diff != "" {
			t.Fatalf("root of %d leaves differs from the definition (-want +got):\n%s", count, diff)
		}
		for i := range leaves {
			proof, err := Prove(leaves, i)
			if err != nil {
				t.Fatalf("prove %d of %d: %v", i, count, err)
			}
			if err := proof.Verify(root, leaves[i]); err != nil {
				t.Errorf("verify %d of %d: %v", i, count, err)
			}
		}
	}
}

func TestProveOutOfRange(t *testing.T) {
	for _, index := range []int{-1, 3, 4} {
		if _, err := Prove(testLeaves(3), index); err == nil {
			t.Errorf("prove leaf %d of 3: no error", index)
		}
	}
}

func TestChangedProofIsRefused(t *testing.T) {
	for count := 1; count < 20; count++ {
		leaves := testLeaves(count)
		root := Root(leaves)
		for i := range leaves {
			proof, err := Prove(leaves, i)
			if err != nil {
				t.Fatal(err)
			}
			refuseChanges(t, root, leaves[i], proof)
		}
	}
}

func refuseChanges(t *testing.T, root [HashSize]byte, leaf []byte, proof Proof) {
	t.Helper()
	refuse := func(what string, leaf []byte, p Proof) {
		t.Helper()
		if err := p.Verify(root, leaf); err == nil {
			t.Errorf("leaf %d of %d with changed %s: accepted", proof.Index, proof.Count, what)
		}
	}
	for at := range proof.Path {
		changed := proof
		changed.Path = slices.Clone(proof.Path)
		changed.Path[at][at%HashSize] ^= 1 << (at % 8)
		refuse("path", leaf, changed)
	}
	refuse("leaf", append(slices.Clone(leaf), 0), proof)
	refuse("index", leaf, Proof{Index: proof.Index + 1, Count: proof.Count, Path: proof.Path})
	refuse("length", leaf, Proof{Index: proof.Index, Count: proof.Count, Path: append(slices.Clone(proof.Path), root)})
	if len(proof.Path) > 0 {
		refuse("length", leaf, Proof{Index: proof.Index, Count: proof.Count, Path: proof.Path[1:]})
	}
	refuse("count", leaf, Proof{Index: proof.Index, Count: proof.Index, Path: proof.Path})
}

// An inner node offered as a leaf is what the tags are for.
func TestNodeIsNoLeaf(t *testing.T) {
	leaves := testLeaves(2)
	left, right := LeafHash(leaves[0]), LeafHash(leaves[1])
	inner := slices.Concat(left[:], right[:])
	err := Proof{Index: 0, Count: 1}.Verify(Root(leaves), inner)
	if !errors.Is(err, ErrMismatch) {
		t.Errorf("inner node as leaf: got %v, want %v", err, ErrMismatch)
	}
}

// FuzzVerify holds that no input panics, and that with the right count only the
// leaf that stands at an index verifies there.
func FuzzVerify(f *testing.F) {
	f.Add(uint64(2), uint64(5), []byte("path"), []byte("leaf"))
	f.Add(uint64(0), uint64(0), []byte{}, []byte{})
	f.Add(^uint64(0)-1, ^uint64(0), make([]byte, 64*HashSize), []byte{1})
	leaves := testLeaves(11)
	root := Root(leaves)
	for i, leaf := range leaves {
		proof, err := Prove(leaves, i)
		if err != nil {
			f.Fatal(err)
		}
		var path []byte
		for _, hash := range proof.Path {
			path = append(path, hash[:]...)
		}
		f.Add(proof.Index, proof.Count, path, leaf)
	}
	f.Fuzz(func(t *testing.T, index, count uint64, path, leaf []byte) {
		p := Proof{Index: index, Count: count}
		for len(path) >= HashSize && len(p.Path) <= MaxPath {
			p.Path = append(p.Path, [HashSize]byte(path[:HashSize]))
			path = path[HashSize:]
		}
		if p.Verify(root, leaf) == nil && count == 11 && (index >= 11 || string(leaves[index]) != string(leaf)) {
			t.Errorf("accepted leaf %q at %d of %d", leaf, index, count)
		}
	})
}
