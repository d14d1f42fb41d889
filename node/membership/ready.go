package membership

import (
	"context"
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

// Ready says that the node of a candidate, or of a jailed validator that was
// rotated since, is synced. // rule: join / ready / weigh
type Ready struct{}

// Name implements Duty.
func (Ready) Name() string { return "ready" }

// Due implements Duty.
func (Ready) Due(_ context.Context, self *Self) (Statement, error) {
	v := &self.Validator
	switch {
	case v.Status == ledger.StatusJailed && v.Rotated == 0:
		return Statement{Why: "the validator is jailed, and was not rotated since"}, nil
	case v.Status != ledger.StatusCandidate && v.Status != ledger.StatusJailed:
		return Statement{Why: "the validator is no candidate"}, nil
	case v.Ready:
		return Statement{Why: "the ledger knows it"}, nil
	case self.NotSynced != "":
		return Statement{Why: self.NotSynced}, nil
	}
	return Statement{Operation: ledger.Ready{Validator: self.Name, Identity: v.Identity}}, nil
}

// SyncView is what Synced looks at. What peers say of their tips is not part of
// it: anybody can say anything.
type SyncView struct {
	Height  uint64        // final and stored here
	Target  uint64        // the highest certified height heard of; 0: none
	Age     time.Duration // of the last final block, by its timestamp
	MostAge time.Duration // that a chain's last block may have while it goes on
	Peers   int           // connected
	Syncing bool          // block sync is under way
}

// syncSlack is how many heights a node may be behind what it has heard of and
// still count as caught up: the chain goes on while a block is executed.
const syncSlack = 3

// Synced reports whether a node has caught up with the tip, or why not.
func Synced(v SyncView) (why string, ok bool) {
	switch {
	case v.Peers == 0:
		return "no peer is connected", false
	case v.Syncing:
		return fmt.Sprintf("block sync is under way: height %d of %d", v.Height, v.Target), false
	case v.Height+syncSlack < v.Target:
		return fmt.Sprintf("height %d of %d", v.Height, v.Target), false
	case v.Age > v.MostAge:
		return fmt.Sprintf("the last final block here, %d, is %s old", v.Height, v.Age.Round(time.Second)), false
	}
	return "", true
}
