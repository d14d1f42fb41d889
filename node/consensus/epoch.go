package consensus

import "github.com/bedrock-bft/bedrock/node/types"

// answerEpoch answers a message of an older epoch with that epoch's certificate,
// which the start of the next one holds. // rule: epoch-answer
func (c *Core) answerEpoch(from Peer, epoch uint64) {
	if !c.allow(&c.peer(from).epochAt) {
		return
	}
	if epoch+1 == c.set.Epoch.Number && c.root.Certificate != nil {
		c.eff.emit(Send{To: from, Message: types.Message{EpochStart: c.present()}})
		return
	}
	c.eff.emit(AnswerEpoch{Peer: from, Epoch: epoch + 1})
}

// laterEpoch keeps a message of the next epoch for when it is entered, and asks its
// sender for the chain of epoch certificates. // rule: epoch-answer
func (c *Core) laterEpoch(from Peer, epoch uint64, m types.Message) {
	if epoch == c.set.Epoch.Number+1 && len(c.early) < maxEarly {
		n := 0
		for i := range c.early {
			if c.early[i].From == from {
				n++
			}
		}
		if n < maxEarlyPeer {
			c.early = append(c.early, Received{From: from, Message: m})
		}
	}
	if c.epochCert == nil && c.allow(&c.peer(from).askedAt) {
		c.eff.emit(AskEpochs{Peer: from, From: c.set.Epoch.Number + 1})
	}
}

// epochStart takes the proof of an epoch: that of the next one holds this epoch's
// certificate. // rule: epoch-certificate
func (c *Core) epochStart(from Peer, s *types.EpochStart) {
	number := c.set.Epoch.Number
	switch {
	case s.Epoch.Number <= number || s.Certificate == nil:
		return
	case s.Epoch.Number > number+1:
		if from != (Peer{}) && c.allow(&c.peer(from).askedAt) {
			c.eff.emit(AskEpochs{Peer: from, From: number + 1})
		}
		return
	case c.epochCert != nil:
		return
	case !s.Certificate.Outcome.EndsEpoch():
		c.report(from, "epoch start whose certificate ends no epoch")
		return
	}
	if err := c.set.VerifyCC(s.Certificate); err != nil {
		c.report(from, err.Error())
		return
	}
	c.committed(s.Certificate, byItself)
}

// tryEpochEnd has the next epoch prepared once the end of this one is final here.
// rule: epoch-enter
func (c *Core) tryEpochEnd() bool {
	if c.preparing || c.epochCert == nil || c.tipChange == nil || c.stopped != "" ||
		c.tip.id != c.epochCert.Outcome.Block {
		return false
	}
	c.preparing = true
	c.eff.emit(PrepareEpoch{Next: *c.tipChange, Certificate: c.epochCert})
	return true
}

// epochReady enters the next epoch: everything of the old one goes, and one write
// makes the step durable. // rule: epoch-enter
func (c *Core) epochReady(e EpochReady) {
	if !c.preparing || c.tipChange == nil || e.Number != c.set.Epoch.Number+1 {
		return
	}
	next, cert := *c.tipChange, c.epochCert
	set, err := types.NewValidatorSet(c.cfg.Genesis, next, c.cfg.Scheme)
	if err != nil {
		// A quorum certified a set that this build cannot read.
		c.preparing = false
		c.stopped = "next epoch: " + err.Error()
		c.eff.emit(StopSigning{Reason: c.stopped, Block: c.tip.id, Own: c.tip.outcome, Theirs: cert.Outcome})
		return
	}
	c.eff.flush(c)
	var dropped []types.Hash
	for _, n := range c.order {
		if n != c.tip {
			dropped = append(dropped, n.id)
		}
	}
	before := c.set
	c.wasMember = c.self >= 0
	c.root = Final{TimestampMs: c.tip.timeMs, Outcome: c.tip.outcome, Certificate: cert}
	c.begin(set, before, c.root)
	c.hasFinal = false
	early := c.early
	c.early = nil
	c.safety = c.firstState() // rule: epoch-no-return
	c.resume()
	c.eff.persist()
	c.eff.flush(c)
	c.eff.emit(EnterEpoch{Epoch: next, Certificate: cert, Member: c.self >= 0})
	if len(dropped) > 0 {
		c.eff.emit(DropBlocks{IDs: dropped})
	}
	if set.Len() < 4 && set.Len() < before.Len() {
		c.eff.emit(Alarm{Kind: AlarmFewValidators, Epoch: set.Epoch.Number, Detail: "no further fault is tolerated"})
	}
	for _, r := range early {
		c.receive(r.From, r.Message)
	}
}

// rootQC is QC(0) of the present epoch: the epoch certificate stands for it.
func (c *Core) rootQC() types.QC {
	o := &c.root.Outcome
	return types.QC{Epoch: c.set.Epoch.Number, Height: o.Height, Block: o.Block, Commit: c.root.Certificate}
}

// firstState is the SafetyState of an epoch just entered.
func (c *Core) firstState() types.SafetyState {
	s := types.SafetyState{Epoch: c.set.Epoch.Number, Lock: c.rootQC()}
	if c.root.Certificate != nil {
		q := s.Lock
		s.EntryQC = &q
	}
	return s
}

// syncedTo moves the last final block to where block sync got.
func (c *Core) syncedTo(e Synced) {
	o := &e.Tip.Outcome
	if o.Height <= c.tip.height {
		return
	}
	n := c.nodes[o.Block]
	if n == nil {
		n = finalNode(e.Tip)
		c.nodes[n.id] = n
		c.order = append(c.order, n)
	}
	n.view, n.timeMs, n.executed, n.outcome, n.change = e.Tip.View, e.Tip.TimestampMs, true, *o, e.Change
	if e.Change != nil {
		n.end = n
	}
	c.record(n.view, n.height, n.id, o.Hash())
	c.hasFinal, c.tipChange = true, e.Change
	if c.executing != (types.Hash{}) && c.executing != n.id {
		if x := c.nodes[c.executing]; x != nil && x.height <= n.height {
			c.executing = types.Hash{} // its answer will be ignored
		}
	}
	if c.pendingCC != nil && c.pendingCC.Outcome.Height <= o.Height {
		c.pendingCC = nil
	}
	c.cut(n)
	c.own.forget(c.tip.height)
	if cc := e.Tip.Certificate; cc != nil && cc.Epoch == c.set.Epoch.Number {
		c.committed(cc, byItself)
	}
}
