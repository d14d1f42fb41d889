package wasmscan

import (
	"bytes"
	"fmt"
	"strings"
)

// Kind is what is imported or exported.
type Kind byte

// The kinds, numbered as in the binary format.
const (
	Func Kind = iota
	Table
	Memory
	Global
	Tag
)

// String names the kind.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", byte(k))
}

var kindNames = []string{"function", "table", "memory", "global", "tag"}

// Signature is a function's type, written as `(i32, i32) -> i64`.
type Signature string

// Import is one import of a module.
type Import struct {
	Module, Name string
	Kind         Kind
	Signature    Signature // of a function
}

// Export is one export of a module.
type Export struct {
	Name      string
	Kind      Kind
	Signature Signature // of a function
}

// Info is what a module declares.
type Info struct {
	Imports []Import
	Exports []Export
}

// Section numbers of the binary format.
const (
	secCustom = iota
	secType
	secImport
	secFunction
	secTable
	secMemory
	secGlobal
	secExport
	secStart
	secElement
	secCode
	secData
	secDataCount
	secTag
)

type scanner struct {
	reader
	info  Info
	types []Signature
	funcs []uint32 // type of each function, imported ones first
}

// Scan reads a module's declarations; the error names what is malformed or off
// by the contract.
func Scan(wasm []byte) (*Info, error) {
	s := &scanner{reader: reader{rest: wasm}}
	s.preamble()
	for s.err == nil && len(s.rest) > 0 {
		id := s.byte()
		body := s.take(uint64(s.u32()))
		if s.err != nil {
			break
		}
		if err := s.section(id, body); err != nil {
			return nil, fmt.Errorf("section %d: %w", id, err)
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	return &s.info, nil
}

func (s *scanner) preamble() {
	head := s.take(8)
	switch {
	case s.err != nil:
		s.err = fmt.Errorf("not a WebAssembly module: %d bytes", len(head))
	case !bytes.Equal(head[:4], []byte("\x00asm")):
		s.fail("not a WebAssembly module: it starts with %x", head[:4])
	case !bytes.Equal(head[4:], []byte{1, 0, 0, 0}):
		s.fail("a component or another version of the format (%x), want a core module of version 1", head[4:])
	}
}

// section reads one section's body with the same scanner.
func (s *scanner) section(id byte, body []byte) error {
	outer := s.rest
	s.rest = body
	read := map[byte]func(){
		secType: s.typeEntry, secImport: s.importEntry, secFunction: s.functionEntry, secTable: s.tableType,
		secMemory: s.memoryType, secGlobal: s.globalEntry, secExport: s.exportEntry, secElement: s.elementEntry, secData: s.dataEntry,
	}[id]
	switch {
	case id == secTag:
		s.fail("exceptions are off: it declares tags")
	case id > secTag:
		s.fail("unknown section")
	case read != nil:
		s.entries(read)
	default: // custom, start, code, data count: nothing to judge here
		s.rest = nil
	}
	if s.err == nil && len(s.rest) > 0 {
		s.fail("%d bytes too many", len(s.rest))
	}
	s.rest = outer
	return s.err
}

func (s *scanner) entries(read func()) {
	for n := s.count(); n > 0 && s.err == nil; n-- {
		read()
	}
}

func (s *scanner) typeEntry() {
	if form := s.byte(); form != 0x60 {
		s.fail("type form 0x%02x is off: function types only", form)
		return
	}
	params := s.valueTypes()
	results := s.valueTypes()
	signature := "(" + strings.Join(params, ", ") + ")"
	if len(results) > 0 {
		signature += " -> " + strings.Join(results, ", ")
	}
	s.types = append(s.types, Signature(signature))
}

func (s *scanner) valueTypes() []string {
	var names []string
	s.entries(func() { names = append(names, s.valueType()) })
	return names
}

var valueTypeNames = map[byte]string{
	0x7f: "i32", 0x7e: "i64", 0x7d: "f32", 0x7c: "f64", 0x7b: "v128", 0x70: "funcref", 0x6f: "externref",
}

func (s *scanner) valueType() string {
	b := s.byte()
	name := valueTypeNames[b]
	if name == "" {
		s.fail("value type 0x%02x is off: numbers, v128, funcref, externref only", b)
	}
	return name
}

func (s *scanner) signature(index uint32) Signature {
	if uint64(index) >= uint64(len(s.types)) {
		s.fail("function type %d of %d", index, len(s.types))
		return ""
	}
	return s.types[index]
}

func (s *scanner) importEntry() {
	entry := Import{Module: s.name(), Name: s.name(), Kind: Kind(s.byte())}
	switch entry.Kind {
	case Func:
		index := s.u32()
		entry.Signature = s.signature(index)
		s.funcs = append(s.funcs, index)
	case Table:
		s.tableType()
	case Memory:
		s.memoryType()
	case Global:
		s.globalType()
	default:
		s.fail("import %s.%s: %v is off", entry.Module, entry.Name, entry.Kind)
	}
	s.info.Imports = append(s.info.Imports, entry)
}

func (s *scanner) functionEntry() { s.funcs = append(s.funcs, s.u32()) }

func (s *scanner) exportEntry() {
	entry := Export{Name: s.name(), Kind: Kind(s.byte())}
	index := s.u32()
	if entry.Kind == Func {
		if uint64(index) >= uint64(len(s.funcs)) {
			s.fail("export %q: function %d of %d", entry.Name, index, len(s.funcs))
			return
		}
		entry.Signature = s.signature(s.funcs[index])
	}
	s.info.Exports = append(s.info.Exports, entry)
}
