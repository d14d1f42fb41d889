package wasmscan

// Flags of a memory's or table's limits.
const (
	limitMax      = 1
	limitShared   = 2
	limit64       = 4
	limitPageSize = 8
)

func (s *scanner) limits(what string) {
	flags := s.byte()
	switch {
	case flags&limitShared != 0:
		s.fail("threads are off: it has a shared %s", what)
	case flags&limit64 != 0:
		s.fail("64-bit memory is off: it has a 64-bit %s", what)
	case flags&limitPageSize != 0:
		s.fail("custom page sizes are off: it has a %s of one", what)
	case flags > limitMax:
		s.fail("%s limits of flags 0x%02x", what, flags)
	}
	s.u32()
	if flags&limitMax != 0 {
		s.u32()
	}
}

func (s *scanner) memoryType() { s.limits("memory") }

func (s *scanner) tableType() {
	if name := s.valueType(); name != "funcref" && name != "externref" {
		s.fail("table of %s", name)
	}
	s.limits("table")
}

func (s *scanner) globalType() {
	s.valueType()
	if mutable := s.byte(); mutable > 1 {
		s.fail("threads are off: it has a shared global")
	}
}

func (s *scanner) globalEntry() {
	s.globalType()
	s.constant()
}

// constant passes a constant expression: one instruction and its end. More is
// the extended-const proposal, which the runtime cannot be told to refuse.
func (s *scanner) constant() {
	switch op := s.byte(); op {
	case 0x41: // i32.const
		s.skipSigned(5)
	case 0x42: // i64.const
		s.skipSigned(10)
	case 0x43: // f32.const
		s.take(4)
	case 0x44: // f64.const
		s.take(8)
	case 0x23, 0xd2: // global.get, ref.func
		s.u32()
	case 0xd0: // ref.null
		s.valueType()
	case 0xfd: // v128.const
		if s.u32() != 12 {
			s.fail("a constant expression with another vector instruction than v128.const")
		}
		s.take(16)
	default:
		s.fail("extended constant expressions are off: instruction 0x%02x", op)
	}
	if end := s.byte(); s.err == nil && end != 0x0b {
		s.fail("extended constant expressions are off: instruction 0x%02x after the first", end)
	}
}

// elementEntry passes an element segment. Bit 0 of its flags: not active; bit 1:
// explicit table, or declared; bit 2: expressions instead of function indices.
func (s *scanner) elementEntry() {
	flags := s.u32()
	if flags > 7 {
		s.fail("element segment of flags %d", flags)
		return
	}
	active, explicit, expressions := flags&1 == 0, flags&2 != 0, flags&4 != 0
	if active {
		if explicit {
			s.u32()
		}
		s.constant()
	}
	if !active || explicit {
		if expressions {
			s.valueType()
		} else if kind := s.byte(); kind != 0 {
			s.fail("element kind %d", kind)
		}
	}
	if expressions {
		s.entries(s.constant)
		return
	}
	s.entries(func() { s.u32() })
}

// dataEntry passes a data segment.
func (s *scanner) dataEntry() {
	switch flags := s.u32(); flags {
	case 0:
		s.constant()
	case 1:
	case 2:
		if memory := s.u32(); memory != 0 {
			s.fail("more than one memory is off: data for memory %d", memory)
		}
		s.constant()
	default:
		s.fail("data segment of flags %d", flags)
	}
	s.take(uint64(s.u32()))
}
