package membership

import (
	"cmp"
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

// ModuleReady says for a validator in the set that its node can run what is scheduled.
// rule: module-ready
type ModuleReady struct {
	// Upgrade is how far the node is.
	Upgrade func() Upgrade
}

// Name implements Duty.
func (ModuleReady) Name() string { return "module_ready" }

// Due implements Duty.
func (d ModuleReady) Due(_ context.Context, self *Self) (Statement, error) {
	upgrade := d.Upgrade()
	if why := notDue(&upgrade, self); why != "" {
		return Statement{Why: why}, nil
	}
	u := upgrade.Scheduled
	op := ledger.ModuleReady{Validator: self.Name, Identity: self.Validator.Identity, Executor: u.Executor, Engine: u.Engine}
	return Statement{Operation: op, About: u.At}, nil
}

// notDue is why nothing is to be told; empty: something may be.
func notDue(upgrade *Upgrade, self *Self) string {
	u := upgrade.Scheduled
	switch status := self.Validator.Status; {
	case u == nil:
		return "nothing is scheduled"
	case status != ledger.StatusActive:
		return "the validator is " + status.String()
	case slices.Contains(u.Ready, self.Name):
		return "the ledger knows it"
	case self.Height >= u.NotAfter:
		return "the upgrade's window is over"
	case !upgrade.Able:
		return cmp.Or(upgrade.Why, "nothing is known of its module yet")
	}
	return ""
}
