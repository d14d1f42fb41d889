//go:build scale

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/controllers/names"
)

// request is what was asked of the API server.
type request struct{ verb, resource, subresource string }

func (r request) String() string {
	if r.subresource != "" {
		return r.verb + " " + r.resource + "/" + r.subresource
	}
	return r.verb + " " + r.resource
}

func (r request) reads() bool { return slices.Contains([]string{"get", "list", "watch"}, r.verb) }

// audit is what the API server's audit log says of the operator. The log is written a
// moment behind the answer.
type audit struct {
	t    *testing.T
	read int64 // bytes of the log
	seen []asked
}

type asked struct {
	at time.Time
	request
	uri string
}

// requests are those of a time. A watch counts when it begins.
func (a *audit) requests(from, to time.Time) []asked {
	a.t.Helper()
	a.follow()
	var out []asked
	for i := range a.seen {
		if at := a.seen[i].at; !at.Before(from) && at.Before(to) {
			out = append(out, a.seen[i])
		}
	}
	return out
}

// follow reads the whole lines that were written since.
func (a *audit) follow() {
	a.t.Helper()
	f, err := os.Open(api.AuditLog)
	if err != nil {
		a.t.Fatal(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.NewSectionReader(f, a.read, 1<<40))
	if err != nil {
		a.t.Fatal(err)
	}
	raw = raw[:bytes.LastIndexByte(raw, '\n')+1]
	a.read += int64(len(raw))
	for line := range bytes.Lines(raw) {
		a.take(line)
	}
}

func (a *audit) take(line []byte) {
	a.t.Helper()
	var e struct {
		Stage, Verb, RequestURI  string
		RequestReceivedTimestamp time.Time
		ImpersonatedUser         struct{ Username string }
		ObjectRef                struct{ Resource, Subresource, Name string }
		ResponseStatus           struct{ Code int }
	}
	if err := json.Unmarshal(line, &e); err != nil {
		a.t.Fatalf("the audit log has the line %.200q: %v", line, err)
	}
	if e.ImpersonatedUser.Username != operatorUser || e.Verb == "watch" && e.Stage != "ResponseStarted" {
		return
	}
	if e.ResponseStatus.Code == http.StatusForbidden {
		a.t.Errorf("the operator may not %s %s: %s", e.Verb, e.ObjectRef.Resource, e.RequestURI)
	}
	if e.ObjectRef.Resource == "secrets" && e.ObjectRef.Name != names.OperatorKeys {
		a.t.Errorf("it asks for Secrets other than its own: %s", e.RequestURI)
	}
	a.seen = append(a.seen, asked{e.RequestReceivedTimestamp, request{e.Verb, e.ObjectRef.Resource, e.ObjectRef.Subresource}, e.RequestURI})
}

// split counts writes and reads.
func split(all []asked) (writes, reads int) {
	for i := range all {
		if all[i].reads() {
			reads++
		} else {
			writes++
		}
	}
	return writes, reads
}

// told are requests by kind, the most frequent first.
func told(all []asked) string {
	count := map[request]int{}
	for i := range all {
		count[all[i].request]++
	}
	var text []string
	for _, key := range slices.SortedFunc(maps.Keys(count), func(a, b request) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), strings.Compare(a.String(), b.String()))
	}) {
		text = append(text, fmt.Sprintf("%d %s", count[key], key))
	}
	return strings.Join(text, ", ")
}
