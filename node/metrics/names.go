package metrics

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// maxSeries bounds the label values of one metric.
const maxSeries = 256

var nameForm = regexp.MustCompile(`^bedrock_[a-z0-9]+(_[a-z0-9]+)*$`)

// units that a name must not hold, with the one to use.
var wrongUnits = map[string]string{
	"ms": "seconds", "millis": "seconds", "milliseconds": "seconds", "us": "seconds", "micros": "seconds", "ns": "seconds",
	"nanoseconds": "seconds", "minutes": "seconds", "kb": "bytes", "kib": "bytes", "mb": "bytes", "mib": "bytes", "percent": "ratio",
	"duration": "seconds", "latency": "seconds", "size": "bytes",
}

// identifying labels have a value for each of something without bound.
var identifying = []string{"peer", "hash", "height", "tx", "id", "address", "sender", "view"}

// Problems lists what a registry's metrics break of the convention, sorted.
func Problems(g prometheus.Gatherer) ([]string, error) {
	families, err := g.Gather()
	if err != nil {
		return nil, fmt.Errorf("gather metrics: %w", err)
	}
	var found []string
	for _, f := range families {
		if name := f.GetName(); strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") {
			continue
		}
		for _, p := range problems(f) {
			found = append(found, f.GetName()+": "+p)
		}
	}
	slices.Sort(found)
	return found, nil
}

func problems(f *dto.MetricFamily) (found []string) {
	name := f.GetName()
	words := strings.Split(name, "_")
	last := words[len(words)-1]
	if !nameForm.MatchString(name) {
		found = append(found, "a name is bedrock_ and words of a-z and 0-9")
	}
	if f.GetHelp() == "" {
		found = append(found, "it has no help text")
	}
	for _, w := range words {
		if use, wrong := wrongUnits[w]; wrong {
			found = append(found, fmt.Sprintf("%q in a name: measure in %s", w, use))
		}
	}
	switch f.GetType() {
	case dto.MetricType_COUNTER:
		if last != "total" {
			found = append(found, "a counter ends in _total")
		}
	case dto.MetricType_HISTOGRAM, dto.MetricType_SUMMARY:
		if !slices.Contains([]string{"seconds", "bytes", "transactions", "txs", "blocks", "ratio"}, last) {
			found = append(found, "a histogram's name ends in its unit")
		}
	default:
		if last == "total" {
			found = append(found, "only a counter ends in _total")
		}
	}
	if len(f.Metric) > maxSeries {
		found = append(found, fmt.Sprintf("%d series, at most %d", len(f.Metric), maxSeries))
	}
	for _, m := range f.Metric[:min(1, len(f.Metric))] {
		for _, l := range m.Label {
			if slices.Contains(identifying, l.GetName()) {
				found = append(found, fmt.Sprintf("label %q has a value for each of something without bound", l.GetName()))
			}
		}
	}
	return found
}
