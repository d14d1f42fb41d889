package genesis

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"unicode/utf8"
)

// Bounds of a canonical document.
const (
	maxDepth  = 32
	maxDigits = 39 // a u128
)

// Canonical rewrites a JSON document into its canonical form: RFC 8785 with
// integers only and ASCII keys. It refuses what has no such form: fractions,
// exponents, repeated keys, depth above 32, invalid UTF-8.
func Canonical(doc []byte) ([]byte, error) {
	if len(doc) > MaxBytes {
		return nil, fmt.Errorf("document of %d bytes, at most %d", len(doc), MaxBytes)
	}
	if !utf8.Valid(doc) {
		return nil, errors.New("document is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	out := bytes.NewBuffer(make([]byte, 0, len(doc)))
	if err := writeValue(dec, out, 0); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the document's closing brace")
	}
	return out.Bytes(), nil
}

func writeValue(dec *json.Decoder, out *bytes.Buffer, depth int) error {
	token, err := dec.Token()
	if err != nil {
		return fmt.Errorf("read JSON at byte %d: %w", dec.InputOffset(), err)
	}
	switch v := token.(type) {
	case json.Delim:
		if depth >= maxDepth {
			return fmt.Errorf("nested deeper than %d", maxDepth)
		}
		if v == '{' {
			return writeObject(dec, out, depth)
		}
		return writeArray(dec, out, depth)
	case json.Number:
		return writeNumber(v, out)
	case string:
		writeString(out, v)
	case bool:
		fmt.Fprintf(out, "%t", v)
	case nil:
		out.WriteString("null")
	}
	return nil
}

func writeObject(dec *json.Decoder, out *bytes.Buffer, depth int) error {
	members := map[string][]byte{}
	var keys []string
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return fmt.Errorf("read JSON at byte %d: %w", dec.InputOffset(), err)
		}
		key, ok := token.(string)
		if !ok {
			return fmt.Errorf("a member's name is no string at byte %d", dec.InputOffset())
		}
		for i := range len(key) {
			if key[i] < 0x20 || key[i] > 0x7e {
				return fmt.Errorf("member name %q is not printable ASCII", key)
			}
		}
		if _, twice := members[key]; twice {
			return fmt.Errorf("member %q is there twice", key)
		}
		var value bytes.Buffer
		if err := writeValue(dec, &value, depth+1); err != nil {
			return err
		}
		members[key] = value.Bytes()
		keys = append(keys, key)
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("read JSON at byte %d: %w", dec.InputOffset(), err)
	}
	sort.Strings(keys)
	out.WriteByte('{')
	for i, key := range keys {
		if i > 0 {
			out.WriteByte(',')
		}
		writeString(out, key)
		out.WriteByte(':')
		out.Write(members[key])
	}
	out.WriteByte('}')
	return nil
}

func writeArray(dec *json.Decoder, out *bytes.Buffer, depth int) error {
	out.WriteByte('[')
	for i := 0; dec.More(); i++ {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := writeValue(dec, out, depth+1); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("read JSON at byte %d: %w", dec.InputOffset(), err)
	}
	out.WriteByte(']')
	return nil
}

func writeNumber(n json.Number, out *bytes.Buffer) error {
	s := n.String()
	digits := s
	if digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) > maxDigits {
		return fmt.Errorf("number %.50s has more than %d digits", s, maxDigits)
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return fmt.Errorf("number %s is no integer: write amounts and times in whole units", s)
		}
	}
	if s == "-0" {
		return errors.New("number -0 has no canonical form: write 0")
	}
	out.WriteString(s)
	return nil
}

// writeString escapes as RFC 8785 does: quotes, backslashes and controls only.
func writeString(out *bytes.Buffer, s string) {
	const hex = "0123456789abcdef"
	short := map[byte]byte{'\b': 'b', '\t': 't', '\n': 'n', '\f': 'f', '\r': 'r', '"': '"', '\\': '\\'}
	out.WriteByte('"')
	for i := range len(s) {
		c := s[i]
		if e, ok := short[c]; ok {
			out.WriteByte('\\')
			out.WriteByte(e)
		} else if c < 0x20 {
			out.WriteString(`\u00`)
			out.WriteByte(hex[c>>4])
			out.WriteByte(hex[c&15])
		} else {
			out.WriteByte(c)
		}
	}
	out.WriteByte('"')
}
