package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The kinds of fields. set gets a scalar, or a list's items (then scalar is
// empty); both forms are as in the file and in the environment.

var errList = errors.New("expected one value, found a list")

func scalar(apply func(*Config, string) error) func(*Config, string, []string) error {
	return func(c *Config, value string, items []string) error {
		if items != nil {
			return errList
		}
		return apply(c, value)
	}
}

func text(key, doc, preset string, check func(string) error, at func(*Config) *string) field {
	return field{key: key, doc: doc, unit: "text", preset: preset,
		get: func(c *Config) any { return *at(c) },
		set: scalar(func(c *Config, v string) error {
			if err := check(v); err != nil {
				return err
			}
			*at(c) = v
			return nil
		})}
}

func list(key, doc string, preset []string, most int, check func(string) error, at func(*Config) *[]string) field {
	return field{key: key, doc: doc, unit: "list", preset: strings.Join(preset, ","),
		get: func(c *Config) any { return *at(c) },
		set: func(c *Config, value string, items []string) error {
			if items == nil && value != "" {
				items = strings.Split(value, ",")
			}
			if len(items) > most {
				return fmt.Errorf("%d items, at most %d", len(items), most)
			}
			for _, item := range items {
				if err := check(item); err != nil {
					return err
				}
			}
			*at(c) = append([]string(nil), items...)
			return nil
		}}
}

func number(key, doc string, preset, lo, hi int, at func(*Config) *int) field {
	return field{key: key, doc: fmt.Sprintf("%s %d to %d.", doc, lo, hi), unit: "number", preset: strconv.Itoa(preset),
		get: func(c *Config) any { return *at(c) },
		set: scalar(func(c *Config, v string) error {
			n, err := strconv.Atoi(v)
			if err != nil || n < lo || n > hi {
				return fmt.Errorf("%q: use a whole number from %d to %d", v, lo, hi)
			}
			*at(c) = n
			return nil
		})}
}

func count(key, doc string, preset uint64, at func(*Config) *uint64) field {
	return field{key: key, doc: doc, unit: "number", preset: strconv.FormatUint(preset, 10),
		get: func(c *Config) any { return *at(c) },
		set: scalar(func(c *Config, v string) error {
			n, err := strconv.ParseUint(v, 10, 63)
			if err != nil {
				return fmt.Errorf("%q: use a whole number, 0 or more", v)
			}
			*at(c) = n
			return nil
		})}
}

func size(key, doc string, preset, lo, hi int64, at func(*Config) *int64) field {
	return field{key: key, doc: fmt.Sprintf("%s %s to %s.", doc, writeSize(lo), writeSize(hi)), unit: "size", preset: writeSize(preset),
		get: func(c *Config) any { return writeSize(*at(c)) },
		set: scalar(func(c *Config, v string) error {
			n, err := parseSize(v)
			if err != nil {
				return err
			}
			if n < lo || n > hi {
				return fmt.Errorf("%q: use %s to %s", v, writeSize(lo), writeSize(hi))
			}
			*at(c) = n
			return nil
		})}
}

func duration(key, doc string, preset, lo, hi time.Duration, at func(*Config) *time.Duration) field {
	return field{key: key, doc: fmt.Sprintf("%s %s to %s.", doc, lo, hi), unit: "duration", preset: preset.String(),
		get: func(c *Config) any { return at(c).String() },
		set: scalar(func(c *Config, v string) error {
			d, err := time.ParseDuration(v)
			if err != nil {
				return fmt.Errorf("%q is no duration: write it as 250ms, 5s or 10m", v)
			}
			if d < lo || d > hi {
				return fmt.Errorf("%s: use %s to %s", d, lo, hi)
			}
			*at(c) = d
			return nil
		})}
}

func toggle(key, doc string, preset bool, at func(*Config) *bool) field {
	return field{key: key, doc: doc, unit: "switch", preset: strconv.FormatBool(preset),
		get: func(c *Config) any { return *at(c) },
		set: scalar(func(c *Config, v string) error {
			switch v {
			case "true":
				*at(c) = true
			case "false":
				*at(c) = false
			default:
				return fmt.Errorf("%q: use true or false", v)
			}
			return nil
		})}
}

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{{"GiB", gib}, {"MiB", mib}, {"KiB", kib}}

func parseSize(v string) (int64, error) {
	digits, factor := v, int64(1)
	for _, u := range sizeUnits {
		if d, ok := strings.CutSuffix(v, u.suffix); ok {
			digits, factor = strings.TrimSpace(d), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/factor {
		return 0, fmt.Errorf("%q is no size: write bytes, or 512KiB, 64MiB, 1GiB", v)
	}
	return n * factor, nil
}

func writeSize(n int64) string {
	for _, u := range sizeUnits {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(n, 10)
}

func isMoniker(v string) error {
	if len(v) > 64 || !utf8.ValidString(v) || strings.IndexFunc(v, unicode.IsControl) >= 0 {
		return errors.New("use at most 64 bytes of printable text")
	}
	return nil
}

func oneOf(names ...string) func(string) error {
	return func(v string) error {
		for _, n := range names {
			if v == n {
				return nil
			}
		}
		return fmt.Errorf("%q: use %s", v, strings.Join(names, ", "))
	}
}

func isPath(v string) error {
	if v == "" {
		return errors.New("a path is needed")
	}
	return isPathOrEmpty(v)
}

func isPathOrEmpty(v string) error {
	if len(v) > 4096 || strings.ContainsRune(v, 0) {
		return fmt.Errorf("%.40q is no path", v)
	}
	return nil
}

func isHashOrEmpty(v string) error {
	if b, err := hex.DecodeString(v); err != nil || len(b) != 0 && len(b) != 32 {
		return fmt.Errorf("%.80q: use 64 hex digits", v)
	}
	return nil
}

func isKey(v string) error {
	if b, err := hex.DecodeString(v); err != nil || len(b) != 32 {
		return fmt.Errorf("%.80q: use the 64 hex digits of an Ed25519 public key", v)
	}
	return nil
}

func isAddress(v string) error {
	host, port, err := net.SplitHostPort(v)
	if err != nil {
		return fmt.Errorf("%q is no address: write HOST:PORT", v)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65_535 {
		return fmt.Errorf("%q: port %q is not 0 to 65535", v, port)
	}
	if len(host) > 255 {
		return fmt.Errorf("%.40q…: the host's name is longer than 255", v)
	}
	return nil
}

func isAddressOrEmpty(v string) error {
	if v == "" {
		return nil
	}
	return isAddress(v)
}

// isLoopbackOrEmpty guards the admin service, which trusts who reaches it.
func isLoopbackOrEmpty(v string) error {
	if v == "" {
		return nil
	}
	if err := isAddress(v); err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(v)
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%q: the admin service listens on loopback only, for example 127.0.0.1:7602", v)
}

func isPeer(v string) error {
	key, address, ok := strings.Cut(v, "@")
	if b, err := hex.DecodeString(key); !ok || err != nil || len(b) != 32 {
		return fmt.Errorf("%.120q: write NETWORK_KEY@HOST:PORT, the key as `bedrock identity show` prints it", v)
	}
	return isAddress(address)
}

func isOrigin(v string) error {
	if v == "*" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" {
		return fmt.Errorf("%q is no origin: write https://HOST, without a path, or '*'", v)
	}
	return nil
}

func isMark(v string) error {
	if v == "" || len(v) > 256 {
		return fmt.Errorf("mark %.40q: use 1 to 256 bytes", v)
	}
	return nil
}
