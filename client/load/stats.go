package load

import (
	"math"
	"sync"
	"time"
)

// stats counts what became of the transactions. Each one that was due ends in
// exactly one of: committed, failed, refused, lost, unsent.
type stats struct {
	config *Config
	start  time.Time

	mu        sync.Mutex
	offered   uint64 // due so far
	unsent    uint64
	accepted  uint64
	committed uint64
	failed    uint64
	refused   map[string]uint64
	retried   map[string]uint64
	moves     uint64
	text      string // the last refusal or error
	told      bool   // progress has told it

	all       histogram
	lastFinal time.Duration

	// The second that is counted at present, and those before.
	second  histogram
	seconds []Second

	heights   uint64
	newest    uint64
	stampMs   uint64 // of the newest block
	intervals histogram
}

// maxReasons bounds the reasons that are told apart: they are nodes' words.
const maxReasons = 64

func newStats(c *Config) *stats {
	return &stats{config: c, refused: map[string]uint64{}, retried: map[string]uint64{}}
}

func (s *stats) now() time.Duration { return time.Since(s.start) }

func count(by map[string]uint64, reason string) {
	if _, known := by[reason]; !known && len(by) >= maxReasons || reason == "" {
		reason = "other"
	}
	by[reason]++
}

// offer notes how many are due so far.
func (s *stats) offer(due uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offered = due
}

// unserved notes those that were due and found no room.
func (s *stats) unserved(n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsent += n
}

func (s *stats) accept(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted += uint64(n)
}

// refuse notes that a transaction came to its end without being taken.
func (s *stats) refuse(reason, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	count(s.refused, reason)
	if text != "" {
		s.text, s.told = text, false
	}
}

// retry notes a refusal that passes by itself: the transaction is sent again.
func (s *stats) retry(reason, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	count(s.retried, reason)
	s.text, s.told = text, false
}

// note keeps an error for people.
func (s *stats) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text, s.told = err.Error(), false
}

func (s *stats) moved() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moves++
}

// settle counts final transactions.
func (s *stats) settle(txs []*transaction) {
	if len(txs) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tx := range txs {
		if !tx.accepted.Swap(true) {
			s.accepted++
		}
		if tx.code != 0 {
			s.failed++
			continue
		}
		s.turn(tx.seen)
		latency := tx.seen - tx.due
		s.committed++
		s.lastFinal = max(s.lastFinal, tx.seen)
		s.all.add(latency)
		s.second.add(latency)
	}
}

// turn ends seconds until the one that now lies in. A notice from before goes to
// the present one.
func (s *stats) turn(now time.Duration) {
	const most = int((maxDuration + time.Hour) / time.Second)
	for len(s.seconds) < min(most, int(now/time.Second)) {
		s.seconds = append(s.seconds, Second{
			Committed: s.second.n, P50Ms: milliseconds(s.second.quantile(0.5)), P99Ms: milliseconds(s.second.quantile(0.99)),
		})
		s.second = histogram{}
	}
}

// block notes a height the first time that an endpoint shows it.
func (s *stats) block(height, timestampMs uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if height <= s.newest {
		return
	}
	s.heights++
	if s.stampMs != 0 && timestampMs > s.stampMs {
		s.intervals.add(time.Duration(timestampMs-s.stampMs) * time.Millisecond)
	}
	s.newest, s.stampMs = height, timestampMs
}

// progress is how it goes; TPS and quantiles are of the last full second.
func (s *stats) progress(inFlight int) Progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.turn(now)
	p := Progress{Elapsed: now, Offered: s.offered, Committed: s.committed, InFlight: inFlight, Height: s.newest}
	if !s.told {
		p.Text, s.told = s.text, true
	}
	for _, n := range s.refused {
		p.Refused += n
	}
	if n := len(s.seconds); n > 0 {
		last := s.seconds[n-1]
		p.TPS = float64(last.Committed)
		p.P50, p.P99 = time.Duration(last.P50Ms*1e6), time.Duration(last.P99Ms*1e6)
	}
	return p
}

// dueBefore is how many transactions are due before an instant after the start:
// the i-th, from 0, is due at i/rate seconds.
func dueBefore(rate float64, at time.Duration) uint64 {
	return uint64(math.Ceil(rate * at.Seconds()))
}

// dueAt is when the i-th is due.
func dueAt(rate float64, i uint64) time.Duration {
	return time.Duration(float64(i) / rate * float64(time.Second))
}

// report puts the figures together, once everything has ended. offering is how
// long transactions were due.
func (s *stats) report(offering time.Duration, lost uint64) Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(s.now().Truncate(time.Second) + time.Second)
	took := max(offering, s.lastFinal, time.Millisecond)
	for i := range s.seconds {
		from, to := time.Duration(i)*time.Second, time.Duration(i+1)*time.Second
		s.seconds[i].Offered = min(s.offered, dueBefore(s.config.Rate, to)) - min(s.offered, dueBefore(s.config.Rate, from))
	}
	return Report{
		CommittedTx: s.committed, OfferedTx: s.offered, Heights: s.heights,
		GoodputTPS: math.Round(float64(s.committed)/took.Seconds()*100) / 100,
		FinalityMs: Quantiles{
			P50: milliseconds(s.all.quantile(0.5)), P90: milliseconds(s.all.quantile(0.9)),
			P99: milliseconds(s.all.quantile(0.99)), Max: milliseconds(s.all.max),
		},
		BlockIntervalMs: Interval{P50: milliseconds(s.intervals.quantile(0.5)), P99: milliseconds(s.intervals.quantile(0.99))},
		AcceptedTx:      s.accepted, FailedTx: s.failed, LostTx: lost, UnsentTx: s.unsent,
		RefusedTx: s.refused, Retries: s.retried, EndpointMoves: s.moves,
		OfferedTPS: s.config.Rate, OfferSeconds: math.Round(offering.Seconds()*1000) / 1000, Seconds: s.seconds,
	}
}
