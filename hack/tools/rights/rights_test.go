package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	roles = `apiVersion: v1
kind: ServiceAccount
---
kind: Role
rules:
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [own]
  verbs: [create, patch, get]
`
	podList  = `{"stage":"ResponseComplete","verb":"list","user":{"username":"op"},"objectRef":{"resource":"pods"},"responseStatus":{"code":200}}`
	watchOn  = `{"stage":"ResponseStarted","verb":"watch","user":{"username":"op"},"objectRef":{"resource":"pods"},"responseStatus":{"code":200}}`
	streamed = `{"stage":"ResponseStarted","verb":"watch","user":{"username":"op"},"objectRef":{"resource":"pods"},"requestURI":"/api/v1/pods?allowWatchBookmarks=true&sendInitialEvents=true&watch=true","responseStatus":{"code":200}}`
	watchOff = `{"stage":"ResponseComplete","verb":"watch","user":{"username":"op"},"objectRef":{"resource":"pods"},"responseStatus":{"code":200}}`
	applied  = `{"stage":"ResponseComplete","verb":"patch","user":{"username":"op"},"objectRef":{"resource":"secrets","name":"own"},"responseStatus":{"code":201}}`
	other    = `{"stage":"ResponseComplete","verb":"get","user":{"username":"op"},"objectRef":{"resource":"secrets","name":"other"},"requestURI":"/uri","responseStatus":{"code":403}}`
	ending   = `{"stage":"ResponseComplete","verb":"patch","user":{"username":"op"},"objectRef":{"resource":"secrets","name":"own"},"responseStatus":{"code":403,"message":"unable to create new content in namespace x because it is being terminated"}}`
	early    = `{"stage":"ResponseComplete","verb":"get","requestReceivedTimestamp":"2026-11-23T10:00:00.5Z","user":{"username":"op"},"objectRef":{"resource":"secrets","name":"other"},"requestURI":"/uri","responseStatus":{"code":403}}`
	late     = `{"stage":"ResponseComplete","verb":"get","requestReceivedTimestamp":"2026-11-23T10:01:30.5Z","user":{"username":"op"},"objectRef":{"resource":"secrets","name":"other"},"requestURI":"/uri","responseStatus":{"code":403}}`
	roleKept = `{"stage":"ResponseComplete","verb":"delete","requestReceivedTimestamp":"2026-11-23T10:01:20.5Z","user":{"username":"admin"},"objectRef":{"resource":"clusterroles","apiGroup":"rbac.authorization.k8s.io","name":"op"},"responseStatus":{"code":404}}`
	roleGone = `{"stage":"ResponseComplete","verb":"delete","requestReceivedTimestamp":"2026-11-23T10:01:20.5Z","user":{"username":"admin"},"objectRef":{"resource":"clusterroles","apiGroup":"rbac.authorization.k8s.io","name":"op"},"responseStatus":{"code":200}}`
	nobodys  = `{"stage":"ResponseComplete","verb":"get","user":{"username":"other"},"objectRef":{"resource":"secrets","name":"own"},"responseStatus":{"code":200}}`
	posed    = `{"stage":"ResponseComplete","verb":"get","user":{"username":"admin"},"impersonatedUser":{"username":"op"},"objectRef":{"resource":"secrets","name":"own"},"responseStatus":{"code":200}}`
)

func write(t *testing.T, text ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(strings.Join(text, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestComparison(t *testing.T) {
	for name, c := range map[string]struct {
		log          []string
		denied, rare string
		ok           bool
		says         []string
	}{
		"used, and the rest told":     {log: []string{podList, applied, watchOn, watchOff}, ok: true, says: []string{"1  create /secrets own", "1  watch /pods", "2 rights were never used", "get /pods\n", "get /secrets own"}},
		"a list as a stream":          {log: []string{streamed}, ok: true, says: []string{"1  list /pods", "1  watch /pods"}},
		"of another":                  {log: []string{podList, nobodys}, ok: true, says: []string{"0  get /secrets own"}},
		"impersonated":                {log: []string{posed}, ok: true, says: []string{"1  get /secrets own"}},
		"denied":                      {log: []string{podList, other}, says: []string{"get /secrets other: NOT EXPECTED (/uri)"}},
		"in an ending namespace":      {log: []string{podList, ending}, ok: true, says: []string{"1  patch /secrets own", "0 kinds of requests were denied"}},
		"denied as expected":          {log: []string{podList, other}, denied: "get /secrets it is tried", ok: true, says: []string{"it is tried"}},
		"denied once its roles went":  {log: []string{podList, late, roleGone}, denied: "get /secrets once its roles went: row 15", ok: true, says: []string{"row 15"}},
		"denied before they went":     {log: []string{podList, early, late, roleGone}, denied: "get /secrets once its roles went: row 15", says: []string{"1  get /secrets other: NOT EXPECTED (/uri)"}},
		"denied, and they stayed":     {log: []string{podList, late, roleKept}, denied: "get /secrets once its roles went: row 15", says: []string{"NOT EXPECTED (/uri)"}},
		"unused":                      {log: []string{podList, watchOn, applied}, rare: "get /pods by name only seldom", says: []string{"get /pods: by name only seldom", "get /secrets own: NOT EXCUSED"}},
		"unused and excused":          {log: []string{podList, watchOn, applied, posed}, rare: "get /pods seldom", ok: true},
		"an excuse for no such right": {log: []string{podList}, rare: "get /pods a\nlist /pods a\nwatch /pods a\ncreate /secrets a\npatch /secrets a\nget /secrets a\nget /nodes a", says: []string{"get /nodes is excused and NOT GRANTED"}},
	} {
		t.Run(name, func(t *testing.T) {
			denied, rare := "", ""
			if c.denied != "" {
				denied = write(t, c.denied)
			}
			if c.rare != "" {
				rare = write(t, c.rare)
			}
			var out bytes.Buffer
			ok, err := run(&out, "op", []string{write(t, roles)}, denied, rare, []string{write(t, c.log...)})
			if err != nil || ok != c.ok {
				t.Errorf("ok %v, %v, want %v\n%s", ok, err, c.ok, &out)
			}
			for _, s := range c.says {
				if !strings.Contains(out.String(), s) {
					t.Errorf("it does not say %q:\n%s", s, &out)
				}
			}
		})
	}
}

func TestFaults(t *testing.T) {
	good, log := write(t, roles), write(t, podList)
	for name, f := range map[string]func() (bool, error){
		"nobody's log": func() (bool, error) { return run(&bytes.Buffer{}, "else", []string{good}, "", "", []string{log}) },
		"no roles": func() (bool, error) {
			return run(&bytes.Buffer{}, "op", []string{write(t, "kind: Pod")}, "", "", []string{log})
		},
		"a torn log": func() (bool, error) {
			return run(&bytes.Buffer{}, "op", []string{good}, "", "", []string{write(t, podList, `{"verb":`)})
		},
		"an excuse without a reason": func() (bool, error) {
			return run(&bytes.Buffer{}, "op", []string{good}, "", write(t, "get /pods"), []string{log})
		},
	} {
		if ok, err := f(); err == nil || ok {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
}
