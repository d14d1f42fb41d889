package storage

import "fmt"

// migration adds to a batch what turns the schema before it into it. It must not be
// larger than one batch: a step over a whole family comes with a mark of how far it is.
type migration func(*Store, *batch) error

// migrate brings the database to the schema that is asked for, step by step, each in one
// synced write with its number: a crash leaves the one before it or it, whole. There is
// no way back. // rule: schema-after-fleet
func (s *Store) migrate() error {
	for s.schema < s.opt.Schema {
		to := s.schema + 1
		step := migrations[to]
		if step == nil {
			return fmt.Errorf("migrate %s from schema %d: %w", s.dir, s.schema, ErrSchemaUnknown)
		}
		b := s.newBatch(256)
		if err := step(s, b); err != nil {
			return fmt.Errorf("migrate %s to schema %d: %w", s.dir, to, err)
		}
		b.put(famMeta, []byte(metaSchema), u64Value(uint64(to)))
		if err := s.write(b, s.durable); err != nil {
			return fmt.Errorf("migrate %s to schema %d: %w", s.dir, to, err)
		}
		s.log.Info("database migrated", "dir", s.dir, "from", s.schema, "to", to, "height", s.Tip())
		s.schema = to
	}
	return nil
}
