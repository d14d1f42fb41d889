package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
)

// maxLine bounds a line of an audit log.
const maxLine = 1 << 20

// endingNamespace is how the API server refuses what would be made in a namespace that is
// being deleted, whoever asks.
const endingNamespace = "because it is being terminated"

// streamedList marks a watch that begins with what a list would give.
const streamedList = "sendInitialEvents=true"

// rolesWent begins a reason for a denial that is expected only where a role was deleted
// within goneFor before it: the operator's pod goes a moment later.
const (
	rolesWent = "once its roles went"
	goneFor   = time.Minute
)

// right is one verb on one resource; name is empty where all are granted.
type right struct {
	verb, group, resource, name string
}

func (r right) String() string {
	s := r.verb + " " + r.group + "/" + r.resource
	if r.name != "" {
		s += " " + r.name
	}
	return s
}

// key is the right without a name, as the files of excuses have it.
func (r right) key() string {
	return right{verb: r.verb, group: r.group, resource: r.resource}.String()
}

// comparison is what was granted, with how often it was used, and what was denied.
type comparison struct {
	granted  map[right]int
	denied   map[right][]time.Time
	went     []time.Time      // when roles or their bindings were deleted, by anybody
	where    map[right]string // the first URI that was denied
	others   map[right]int    // allowed by roles that were not given, as everybody's
	requests int
}

func compare(rules []rbacv1.PolicyRule) *comparison {
	c := &comparison{granted: map[right]int{}, denied: map[right][]time.Time{}, where: map[right]string{}, others: map[right]int{}}
	for _, rule := range rules {
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					for _, name := range names {
						c.granted[right{verb, group, resource, name}] = 0
					}
				}
			}
		}
	}
	return c
}

// event is what is read of an audit event (audit.k8s.io/v1).
type event struct {
	Stage      string `json:"stage"`
	Verb       string `json:"verb"`
	RequestURI string `json:"requestURI"`

	At   time.Time `json:"requestReceivedTimestamp"`
	User struct {
		Username string `json:"username"`
	} `json:"user"`
	Impersonated *struct {
		Username string `json:"username"`
	} `json:"impersonatedUser"`
	Object *struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Group       string `json:"apiGroup"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	Status *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"responseStatus"`
}

func (c *comparison) readLog(path, user string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("%s, line %d: %w", path, n, err)
		}
		c.count(&e, user)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

func (c *comparison) count(e *event, user string) {
	if o := e.Object; o != nil && o.Group == rbacv1.GroupName && strings.HasPrefix(e.Verb, "delete") && e.Status != nil && e.Status.Code == http.StatusOK {
		c.went = append(c.went, e.At)
	}
	who := e.User.Username
	if e.Impersonated != nil {
		who = e.Impersonated.Username
	}
	// A watch has two entries: that it began, and that it ended.
	if who != user || e.Object == nil || e.Object.Resource == "" || e.Status == nil || e.Stage == "ResponseComplete" && e.Verb == "watch" && e.Status.Code == http.StatusOK {
		return
	}
	c.requests++
	r := right{e.Verb, e.Object.Group, e.Object.Resource, e.Object.Name}
	if e.Object.Subresource != "" {
		r.resource += "/" + e.Object.Subresource
	}
	if e.Status.Code == http.StatusForbidden && strings.Contains(e.Status.Message, endingNamespace) {
		c.use(r) // it was allowed, and the namespace takes nothing new
		return
	}
	if e.Status.Code == http.StatusForbidden {
		c.denied[r] = append(c.denied[r], e.At)
		if c.where[r] == "" {
			c.where[r] = e.RequestURI
		}
		return
	}
	c.use(r)
	switch {
	case e.Verb == "patch" && e.Status.Code == http.StatusCreated:
		r.verb = "create"
		c.use(r)
	case e.Verb == "watch" && strings.Contains(e.RequestURI, streamedList):
		r.verb = "list" // what an API server that streams no lists is asked for
		c.use(r)
	}
}

// use counts for the grant by name first.
func (c *comparison) use(r right) {
	for _, name := range []string{r.name, ""} {
		r.name = name
		if _, ok := c.granted[r]; ok {
			c.granted[r]++
			return
		}
	}
	c.others[r]++
}

// report prints, and says whether all is as expected.
func (c *comparison) report(out io.Writer, user string, expected, excused excuses, strict bool) bool {
	ok := true
	fmt.Fprintf(out, "%d requests of %s, %d rights granted\n", c.requests, user, len(c.granted))
	var unused []right
	for _, r := range sorted(c.granted) {
		fmt.Fprintf(out, "  %7d  %s\n", c.granted[r], r)
		if c.granted[r] == 0 {
			unused = append(unused, r)
		}
	}
	for _, r := range sorted(c.others) {
		fmt.Fprintf(out, "  %7d  %s (by a role that was not given)\n", c.others[r], r)
	}
	fmt.Fprintf(out, "%d rights were never used\n", len(unused))
	needed := map[string]bool{}
	for _, r := range unused {
		needed[r.key()] = true
		switch why := excused[r.key()]; {
		case why != "":
			fmt.Fprintf(out, "  %s: %s\n", r, why)
		case strict:
			ok = false
			fmt.Fprintf(out, "  %s: NOT EXCUSED: take the right away, or say why it is granted\n", r)
		default:
			fmt.Fprintf(out, "  %s\n", r)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(excused)) {
		if !needed[key] && !c.grants(key) {
			ok = false
			fmt.Fprintf(out, "  %s is excused and NOT GRANTED: take the line away\n", key)
		}
	}
	return c.reportDenied(out, expected) && ok
}

// reportDenied prints what was denied, and says whether all of it was expected.
func (c *comparison) reportDenied(out io.Writer, expected excuses) bool {
	ok := true
	fmt.Fprintf(out, "%d kinds of requests were denied\n", len(c.denied))
	for _, r := range sorted(c.denied) {
		why := expected[r.key()]
		unexpected := c.unexpected(c.denied[r], why)
		if n := len(c.denied[r]) - unexpected; n > 0 {
			fmt.Fprintf(out, "  %7d  %s: %s\n", n, r, why)
		}
		if unexpected > 0 {
			ok = false
			fmt.Fprintf(out, "  %7d  %s: NOT EXPECTED (%s)\n", unexpected, r, c.where[r])
		}
	}
	return ok
}

// unexpected counts the denials that a reason does not excuse.
func (c *comparison) unexpected(at []time.Time, why string) (n int) {
	for _, denied := range at {
		excused := why != ""
		if strings.HasPrefix(why, rolesWent) {
			excused = slices.ContainsFunc(c.went, func(went time.Time) bool {
				return !denied.Before(went) && denied.Before(went.Add(goneFor))
			})
		}
		if !excused {
			n++
		}
	}
	return n
}

func (c *comparison) grants(key string) bool {
	for r := range c.granted {
		if r.key() == key {
			return true
		}
	}
	return false
}

func sorted[V any](m map[right]V) []right {
	return slices.SortedFunc(maps.Keys(m), func(a, b right) int {
		for _, pair := range [][2]string{{a.group, b.group}, {a.resource, b.resource}, {a.verb, b.verb}, {a.name, b.name}} {
			if pair[0] < pair[1] {
				return -1
			} else if pair[0] > pair[1] {
				return 1
			}
		}
		return 0
	})
}
