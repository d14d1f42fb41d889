package mempool

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"sync"
)

// The journal is a file of records: length u32, CRC32C of the bytes u32, both
// little-endian, then one transaction. It is not synced: a crash of the machine may
// cost its end, and everything in it is verified again.
const (
	recordHeader = 8
	// maxRecord bounds one record, whatever the limits of the run that wrote it.
	maxRecord = 4 << 20
	// compactSlack is how much a journal may grow beyond twice what lives in it.
	compactSlack = 1 << 20
	// fullRetryTicks is how many calls of maintain pass between attempts to make
	// room in a full journal.
	fullRetryTicks = 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// journal keeps accepted transactions. After a failed write, and while it is paused,
// it keeps nothing more; what was accepted meanwhile is written when it goes on.
type journal struct {
	path string
	most int64
	log  *slog.Logger

	mu      sync.Mutex
	file    *os.File
	w       *bufio.Writer
	size    int64
	live    int64 // size after the last compaction
	skipped bool  // something was left out since, for want of room
	broken  bool
	paused  bool
	ticks   int // calls of maintain since the last compaction
}

// openJournal reads what an earlier run kept and goes on behind its last good
// record.
func openJournal(path string, most int64, log *slog.Logger) (*journal, [][]byte, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open the mempool journal: %w", err)
	}
	txs, good, err := readJournal(bufio.NewReaderSize(file, 1<<16), most)
	if err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("read the mempool journal %s: %w", path, err)
	}
	if err = file.Truncate(good); err == nil {
		_, err = file.Seek(good, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("go on in the mempool journal %s: %w", path, err)
	}
	j := &journal{path: path, most: most, log: log, file: file, w: bufio.NewWriterSize(file, 1<<16), size: good, live: good}
	return j, txs, nil
}

// readJournal reads records up to the first that is torn or damaged, at most most
// bytes, and answers where the good ones end.
func readJournal(r io.Reader, most int64) (txs [][]byte, good int64, err error) {
	for {
		var head [recordHeader]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return txs, good, realError(err)
		}
		n := int64(binary.LittleEndian.Uint32(head[:4]))
		if n == 0 || n > maxRecord || good+recordHeader+n > most {
			return txs, good, nil
		}
		tx := make([]byte, n)
		if _, err := io.ReadFull(r, tx); err != nil {
			return txs, good, realError(err)
		}
		if crc32.Checksum(tx, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
			return txs, good, nil
		}
		txs = append(txs, tx)
		good += recordHeader + n
	}
}

// realError leaves out the end of the file, also within a record.
func realError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// append writes transactions. It must not be called with the pool's lock held.
func (j *journal) append(txs [][]byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken || j.paused || len(txs) == 0 {
		return
	}
	for _, tx := range txs {
		if err := j.write(j.w, tx); err != nil {
			j.fail(err)
			return
		}
	}
	if err := j.w.Flush(); err != nil {
		j.fail(err)
	}
}

func (j *journal) write(w io.Writer, tx []byte) error {
	n := int64(recordHeader + len(tx))
	if len(tx) == 0 || len(tx) > maxRecord || j.size+n > j.most {
		j.skipped = true
		return nil
	}
	var head [recordHeader]byte
	binary.LittleEndian.PutUint32(head[:4], uint32(len(tx)))
	binary.LittleEndian.PutUint32(head[4:], crc32.Checksum(tx, castagnoli))
	if _, err := w.Write(head[:]); err != nil {
		return err
	}
	if _, err := w.Write(tx); err != nil {
		return err
	}
	j.size += n
	return nil
}

func (j *journal) fail(err error) {
	j.broken = true
	j.log.Error("the mempool journal cannot be written: transactions that wait will be lost at a restart; free disk space", "path", j.path, "error", err)
}

// pause stops writing, or goes on with all that lives.
func (j *journal) pause(paused bool, live func() [][]byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if paused == j.paused {
		return
	}
	j.paused = paused
	if paused {
		j.log.Warn("the mempool journal is paused: transactions that come now are lost at a restart", "path", j.path)
		return
	}
	if err := j.compact(live()); err != nil {
		j.fail(err)
		return
	}
	j.broken = false
	j.log.Info("the mempool journal goes on", "path", j.path, "bytes", j.size)
}

// maintain rewrites the journal where most of it is past.
func (j *journal) maintain(live func() [][]byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ticks++
	grown := j.size > 2*j.live+compactSlack
	// A journal that is full of what lives gains nothing by being rewritten.
	if j.broken || j.paused || !(grown || j.skipped && j.ticks >= fullRetryTicks) {
		return
	}
	j.ticks = 0
	if err := j.compact(live()); err != nil {
		j.fail(err)
	}
}

// compact writes aside and renames, so that a crash leaves the old or the new one.
func (j *journal) compact(txs [][]byte) error {
	aside := j.path + ".new"
	file, err := os.OpenFile(aside, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(file, 1<<16)
	j.size, j.skipped = 0, false
	for _, tx := range txs {
		if err = j.write(w, tx); err != nil {
			break
		}
	}
	j.skipped = false // full of what lives: nothing can be done about it now
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = os.Rename(aside, j.path)
	}
	if err != nil {
		file.Close()
		return err
	}
	j.file.Close()
	j.file, j.w, j.live = file, w, j.size
	return nil
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	err := j.w.Flush()
	return errors.Join(err, j.file.Close())
}
