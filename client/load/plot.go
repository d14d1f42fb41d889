package load

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
)

// Sizes of the plot in pixels.
const (
	plotWidth  = 960
	plotLeft   = 70
	plotRight  = 20
	panelTop   = 70
	panelSize  = 220
	panelGap   = 80
	plotHeight = panelTop + 2*panelSize + panelGap + 50
	maxPoints  = plotWidth / 2 // of a curve
)

// curve is one line of a panel; below 0 it has a gap.
type curve struct {
	name, colour string
	at           func(Second) float64
}

// latency is one of a second in which something became final.
func latency(s Second, ms float64) float64 {
	if s.Committed == 0 {
		return -1
	}
	return ms
}

// panel is one pair of axes over time.
type panel struct {
	title  string
	top    int
	curves []curve
}

func panels() []panel {
	return []panel{
		{"throughput, transactions a second", panelTop, []curve{
			{"offered", "#888888", func(s Second) float64 { return float64(s.Offered) }},
			{"committed", "#1668b8", func(s Second) float64 { return float64(s.Committed) }},
		}},
		{"finality, milliseconds from due to notice", panelTop + panelSize + panelGap, []curve{
			{"p99", "#c2571a", func(s Second) float64 { return latency(s, s.P99Ms) }},
			{"p50", "#2a7d3c", func(s Second) float64 { return latency(s, s.P50Ms) }},
		}},
	}
}

// WriteSVG draws throughput and finality over time.
func (r *Report) WriteSVG(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" fill="#222222">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(b, `<text x="%d" y="24" font-size="15">%d of %d transactions committed, %.0f a second; finality p50 %.1f ms, p99 %.1f ms</text>`+"\n",
		plotLeft, r.CommittedTx, r.OfferedTx, r.GoodputTPS, r.FinalityMs.P50, r.FinalityMs.P99)
	points := thin(r.Seconds, maxPoints)
	for _, p := range panels() {
		p.draw(b, points, len(r.Seconds))
	}
	fmt.Fprintln(b, "</svg>")
	return b.Flush()
}

// thin joins neighbours until at most so many are left: means of counts, the worst
// of latencies.
func thin(seconds []Second, most int) []Second {
	each := (len(seconds) + most - 1) / most
	if each <= 1 {
		return seconds
	}
	var out []Second
	for len(seconds) > 0 {
		n := min(each, len(seconds))
		var sum Second
		for _, s := range seconds[:n] {
			sum.Offered, sum.Committed = sum.Offered+s.Offered, sum.Committed+s.Committed
			sum.P50Ms, sum.P99Ms = max(sum.P50Ms, s.P50Ms), max(sum.P99Ms, s.P99Ms)
		}
		sum.Offered, sum.Committed = sum.Offered/uint64(n), sum.Committed/uint64(n)
		out, seconds = append(out, sum), seconds[n:]
	}
	return out
}

func (p *panel) draw(w io.Writer, points []Second, seconds int) {
	highest := 1.0
	for _, s := range points {
		for _, c := range p.curves {
			highest = max(highest, c.at(s))
		}
	}
	step := niceStep(highest / 4)
	highest = math.Ceil(highest/step) * step
	width, bottom := float64(plotWidth-plotLeft-plotRight), p.top+panelSize
	y := func(v float64) float64 { return float64(bottom) - v/highest*panelSize }
	fmt.Fprintf(w, `<text x="%d" y="%d" font-weight="bold">%s</text>`+"\n", plotLeft, p.top-12, p.title)
	for v := 0.0; v <= highest+step/2; v += step {
		fmt.Fprintf(w, `<path d="M%d %.1fH%d" stroke="#dddddd"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			plotLeft, y(v), plotWidth-plotRight, plotLeft-8, y(v)+4, number(v))
	}
	every := niceStep(max(1, float64(seconds)/10))
	for v := 0.0; v <= float64(seconds); v += every {
		x := plotLeft + v/max(1, float64(seconds))*width
		fmt.Fprintf(w, `<path d="M%.1f %dv5" stroke="#888888"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x, bottom, x, bottom+19, number(v))
	}
	fmt.Fprintf(w, `<text x="%d" y="%d" text-anchor="end">seconds</text>`+"\n", plotWidth-plotRight, bottom+36)
	for n, c := range p.curves {
		fmt.Fprintf(w, `<path fill="none" stroke-width="1.5" stroke="%s" d="`, c.colour)
		command := "M"
		for i, s := range points { // a second's point stands at its middle
			v := c.at(s)
			if v < 0 {
				command = "M"
				continue
			}
			fmt.Fprintf(w, "%s%.1f %.1f", command, plotLeft+(float64(i)+0.5)/float64(len(points))*width, y(v))
			command = "L"
		}
		x := plotWidth - plotRight - 100*(len(p.curves)-n)
		fmt.Fprintf(w, `"/><path d="M%d %dh18" stroke-width="3" stroke="%s"/><text x="%d" y="%d">%s</text>`+"\n",
			x, p.top-16, c.colour, x+24, p.top-12, c.name)
	}
}

// number writes an axis' number without an exponent.
func number(v float64) string {
	return strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64)
}

// niceStep is 1, 2 or 5 times a power of ten, at least v.
func niceStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(v, 1e-9))))
	for _, f := range []float64{1, 2, 5} {
		if f*power >= v {
			return f * power
		}
	}
	return 10 * power
}
