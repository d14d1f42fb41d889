package load

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

// transaction is one signed transaction from its signature to its end.
type transaction struct {
	raw     []byte
	hash    [32]byte
	account *account
	nonce   uint64
	era     uint32        // of its account when it was signed
	due     time.Duration // after the start

	accepted atomic.Bool // a node took it, or a block showed it: counted once

	// These are guarded by the lock of its shard of the flights.
	endpoint int  // that it was sent to last
	queued   bool // in a lane's hands: waits there, or its answer is awaited
	tries    int
	sentAt   time.Duration
	seen     time.Duration // first notice at any endpoint; 0: none
	code     uint32
}

// account is one sender: its transactions signed ahead, in the order of nonces.
type account struct {
	key     ed25519.PrivateKey
	address ledger.Address
	lane    *lane

	mu       sync.Mutex
	ready    []*transaction // signed ahead, oldest first
	hungry   bool           // stands in the signers' queue
	next     uint64         // nonce of the next signature
	skip     []uint64       // nonces from next on that are in flight already, sorted
	inFlight int
	era      uint32 // counts the times that the nonces were read anew
	broken   bool   // a nonce is missing: nothing is sent until they are read anew
	mends    int    // in a row without an accepted transaction between
	random   *rand.Rand
}

// take is the next transaction: nil if none is signed (unsigned says that it is
// that), or enough are in flight, or the account waits for its nonces. hungry says
// that signers are to be asked for more.
func (a *account) take(ahead int) (tx *transaction, unsigned, hungry bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.broken {
		return nil, false, false
	}
	if a.inFlight < maxInFlight {
		if unsigned = len(a.ready) == 0; !unsigned {
			tx = a.ready[0]
			a.ready = a.ready[1:]
			a.inFlight++
		}
	}
	if !a.hungry && len(a.ready) <= ahead/2 {
		a.hungry, hungry = true, true
	}
	return tx, unsigned, hungry
}

// landed notes that a transaction that was taken came to an end.
func (a *account) landed() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inFlight--
}

// stop notes that a nonce will be missing; false if that is known.
func (a *account) stop(era uint32) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.broken || era != a.era {
		return false
	}
	a.broken, a.ready = true, nil
	a.era++
	return true
}

// resume goes on at a nonce, past those in flight.
func (a *account) resume(next uint64, inFlight []uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	slices.Sort(inFlight)
	a.next, a.skip, a.broken = next, inFlight, false
}

// stale reports whether a transaction was signed before nonces were read anew.
func (a *account) stale(era uint32) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.era != era
}

// mended notes that a node took a transaction.
func (a *account) mended() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mends = 0
}

// takeNonce is the next nonce that is not in flight.
func (a *account) takeNonce() uint64 {
	for len(a.skip) > 0 && a.skip[0] <= a.next {
		if a.skip[0] == a.next {
			a.next++
		}
		a.skip = a.skip[1:]
	}
	a.next++
	return a.next - 1
}

// factory signs what accounts send.
type factory struct {
	config  *Config
	to      []ledger.Address
	ahead   int // transactions that each account holds ready
	gas     [2]uint64
	records int // threshold of a draw out of 2^16
}

// recordKeys is how many records each sender writes, again and again.
const recordKeys = 256

func newFactory(c *Config) *factory {
	total := min(signedAhead, 2*c.Rate) // two seconds ahead will do
	if c.Duration > 0 {
		total = min(total, c.Rate*c.Duration.Seconds())
	}
	f := &factory{config: c, ahead: min(1024, max(2, int(total)/c.Senders)), records: int(c.RecordShare * (1 << 16))}
	for _, k := range c.Keys {
		f.to = append(f.to, ledger.AddressOf(k.Public().(ed25519.PublicKey)))
	}
	f.gas[0] = ledger.GasLimit(ledger.Transfer{To: f.to[0], Amount: ledger.AmountOf(1)})
	f.gas[1] = ledger.GasLimit(ledger.RecordPut{Key: recordKey(0), Data: make([]byte, c.RecordBytes)})
	return f
}

func recordKey(n int) []byte { return fmt.Appendf(make([]byte, 0, 8), "load/%03d", n) }

// fill signs until the account has enough ready. One signer at a time has an
// account, since it is queued once; a nonce read anew meanwhile ends the work.
func (f *factory) fill(a *account) error {
	for {
		a.mu.Lock()
		if a.broken || len(a.ready) >= f.ahead {
			a.hungry = false
			a.mu.Unlock()
			return nil
		}
		nonce, era := a.takeNonce(), a.era
		a.mu.Unlock()
		tx, err := f.sign(a, nonce, era)
		if err != nil {
			return err
		}
		a.mu.Lock()
		if a.era == era {
			a.ready = append(a.ready, tx)
		}
		a.mu.Unlock()
	}
}

func (f *factory) sign(a *account, nonce uint64, era uint32) (*transaction, error) {
	draw := a.random.Uint64()
	body := ledger.Body{Genesis: f.config.Trust.Genesis, Nonce: nonce, GasLimit: f.gas[0], GasPrice: f.config.GasPrice}
	if int(draw&0xffff) < f.records {
		data := make([]byte, f.config.RecordBytes)
		var head [8]byte
		binary.LittleEndian.PutUint64(head[:], draw)
		copy(data, head[:])
		body.Operation, body.GasLimit = ledger.RecordPut{Key: recordKey(int(draw >> 16 % recordKeys)), Data: data}, f.gas[1]
	} else {
		to := f.to[draw>>16%uint64(len(f.to))]
		body.Operation = ledger.Transfer{To: to, Amount: ledger.AmountOf(1 + draw>>56)}
	}
	raw, err := ledger.Sign(a.key, body)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return &transaction{raw: raw, hash: ledger.Hash(raw), account: a, nonce: nonce, era: era}, nil
}
