package blocksync

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/node/types"
)

// continued is a source whose chain goes on where another one stopped: at a height
// without a certificate, whose outcome is another one now.
type continued struct {
	*chain
	at  uint64
	old types.Outcome
}

// stoppedAt makes one of blocks up to tip, certified at every eighth height that is not
// at or above at.
func stoppedAt(at uint64, tip int) *continued {
	c := &continued{chain: newChain(tip, 0), at: at}
	c.old = c.outcomes[at]
	c.outcomes[at].NextEpoch = types.SumHash([]byte("the recovery's"))
	for h := at + 1; h <= c.Tip(); h++ {
		c.outcomes[h].Parent = c.outcomes[h-1].Hash()
	}
	return c
}

func (c *continued) Stopped(h uint64) (*types.Outcome, error) {
	if h > c.at {
		return nil, nil
	}
	return &c.old, nil
}

func (c *continued) Certificate(h uint64) (*types.CC, error) {
	if h > c.at-c.at%8 && h <= c.at {
		h = c.at + 1
	}
	if h > c.Tip() {
		return nil, fmt.Errorf("height %d: %w", h, ErrNoCertificate)
	}
	return c.chain.Certificate(h)
}

func (c *continued) end() *End { return &End{Height: c.at, Outcome: c.old.Hash()} }

// What a chain had that stopped is proven by the outcome that the recovery genesis
// names, where no certificate of it is left. // rule: recovery-genesis
func TestRangeOfAChainThatStoppedEndsAtItsLastOutcome(t *testing.T) {
	for _, tip := range []int{13, 40} { // nothing is final above, or much is
		c := stoppedAt(13, tip)
		var got []uint64
		for at := c.anchor(0); at.Height < c.at; {
			request, err := Request(at.Height+1, 3)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := Serve(c)(t.Context(), [32]byte{}, request)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Verify(answer, at, Proof{Certificate: accept, End: c.end()})
			if err != nil {
				t.Fatalf("above height %d: %v", at.Height, err)
			}
			if last := r.Outcomes[len(r.Outcomes)-1]; last.Height == c.at && (last != c.old || r.Certificate != nil) {
				t.Errorf("the last outcome is %+v with certificate %v, want the old chain's without one", last, r.Certificate)
			}
			at = r.Anchor()
			got = append(got, at.Height)
		}
		if fmt.Sprint(got) != "[3 6 8 11 13]" {
			t.Errorf("ranges end at %v", got)
		}
	}
}

// Outcomes without a certificate that lead elsewhere prove nothing.
func TestRangeToAnotherEndIsRefused(t *testing.T) {
	c := stoppedAt(13, 40)
	request, err := Request(9, 10)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := Serve(c)(t.Context(), [32]byte{}, request)
	if err != nil {
		t.Fatal(err)
	}
	refused := errors.New("a certificate is wanted")
	for _, tt := range []struct {
		what string
		end  *End
		want string
	}{
		{"no end is known", nil, "certificate of the range"},
		{"another outcome", &End{Height: 13, Outcome: types.Hash{1}}, "the chain stopped at"},
		{"another height", &End{Height: 14, Outcome: c.old.Hash()}, "the chain stopped at"},
	} {
		proof := Proof{Certificate: func(*types.CC) error { return refused }, End: tt.end}
		if _, err := Verify(answer, c.anchor(8), proof); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.what, err, tt.want)
		}
	}
	own := newChain(40, 0)
	if _, err := Verify(serve(t, own, 9, 10), own.anchor(8), Proof{Certificate: accept, End: &End{Height: 13}}); err == nil || !strings.Contains(err.Error(), "goes on to height") {
		t.Errorf("certified blocks above the end: %v", err)
	}
}
