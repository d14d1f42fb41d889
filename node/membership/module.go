package membership

import (
	"context"
	"slices"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

// Upgrade is what the newest final state schedules, and whether this node could
// run it.
type Upgrade struct {
	Scheduled *ledger.Upgrade // nil: nothing
	Able      bool            // stored, accepted, compiled and rehearsed, and the engine is there
	Why       string          // why not
}

// ModuleReady says for a validator that its node can run what is scheduled.
// rule: module-ready
type ModuleReady struct {
	// Upgrade is how far the node is.
	Upgrade func() Upgrade
	// Query reads the newest final state, as that of Config.
	Query func(ctx context.Context, path string) (Row, error)
}

// Name implements Duty.
func (ModuleReady) Name() string { return "module_ready" }

// Due implements Duty.
func (d ModuleReady) Due(ctx context.Context, self *Self) (ledger.Operation, string, error) {
	upgrade := d.Upgrade()
	if why := notDue(&upgrade, self); why != "" {
		return nil, why, nil
	}
	u := upgrade.Scheduled
	if self.Validator.Status == ledger.StatusCandidate {
		// What is scheduled lists those in the set; a candidate's word is kept for it.
		row, err := d.Query(ctx, "module_ready/"+self.Name.String())
		if err != nil {
			return nil, "", err
		}
		said, err := ledger.DecodeReadiness(row.Value)
		if err == nil && row.Code == 0 && !row.Absent && said == (ledger.Readiness{Executor: u.Executor, Engine: u.Engine}) {
			return nil, "the ledger knows it", nil
		}
	}
	return ledger.ModuleReady{Validator: self.Name, Identity: self.Validator.Identity, Executor: u.Executor, Engine: u.Engine}, "", nil
}

// notDue is why nothing is to be told; empty: something may be.
func notDue(upgrade *Upgrade, self *Self) string {
	u := upgrade.Scheduled
	switch status := self.Validator.Status; {
	case u == nil:
		return "nothing is scheduled"
	case status != ledger.StatusActive && status != ledger.StatusCandidate:
		return "the validator is " + status.String()
	case slices.Contains(u.Ready, self.Name):
		return "the ledger knows it"
	case self.Height >= u.NotAfter:
		return "the upgrade's window is over"
	case !upgrade.Able:
		return upgrade.Why
	}
	return ""
}
