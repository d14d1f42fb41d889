package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	user := flag.String("user", "", "whose requests: system:serviceaccount:NAMESPACE:NAME")
	roles := flag.String("roles", "", "files of the roles that it is bound to, with commas between")
	denied := flag.String("may-be-denied", "", "file of rights whose denial is expected")
	rare := flag.String("rare", "", "file of rights that may stay unused; without it none is asked for")
	flag.Parse()
	ok, err := run(os.Stdout, *user, strings.Split(*roles, ","), *denied, *rare, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "rights:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run(out io.Writer, user string, roles []string, denied, rare string, logs []string) (bool, error) {
	var rules []rbacv1.PolicyRule
	for _, path := range roles {
		more, err := readRules(path)
		if err != nil {
			return false, err
		}
		rules = append(rules, more...)
	}
	c := compare(rules)
	for _, path := range logs {
		if err := c.readLog(path, user); err != nil {
			return false, err
		}
	}
	if c.requests == 0 {
		return false, fmt.Errorf("no request of %s is in %s: the log is another cluster's, or the user's name is wrong", user, strings.Join(logs, ", "))
	}
	expected, err := readExcuses(denied)
	if err != nil {
		return false, err
	}
	excused, err := readExcuses(rare)
	if err != nil {
		return false, err
	}
	return c.report(out, user, expected, excused, rare != ""), nil
}

// readRules reads every role of a file with documents of any kind.
func readRules(path string) ([]rbacv1.PolicyRule, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var rules []rbacv1.PolicyRule
	for part := range strings.SplitSeq(string(raw), "\n---\n") {
		var role struct {
			Kind  string              `json:"kind"`
			Rules []rbacv1.PolicyRule `json:"rules"`
		}
		if err := yaml.Unmarshal([]byte(part), &role); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if role.Kind == "Role" || role.Kind == "ClusterRole" {
			rules = append(rules, role.Rules...)
		}
	}
	if len(rules) == 0 {
		return nil, fmt.Errorf("%s holds no rule of a Role or ClusterRole", path)
	}
	return rules, nil
}

// excuses are reasons by right.
type excuses map[string]string

// readExcuses reads lines `verb group/resource why`.
func readExcuses(path string) (excuses, error) {
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	out := excuses{}
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.SplitN(line, " ", 3)
		if len(words) < 3 || !strings.Contains(words[1], "/") {
			return nil, fmt.Errorf("%s: %q is no `verb group/resource why`", path, line)
		}
		out[words[0]+" "+words[1]] = words[2]
	}
	return out, nil
}
