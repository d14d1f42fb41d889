package load

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"time"
)

// Sizes of the plot in pixels.
const (
	plotWidth  = 960
	panelTop   = 40
	panelSize  = 220
	panelGap   = 60
	plotLeft   = 70
	plotRight  = 20
	plotHeight = panelTop + 2*panelSize + panelGap + 50
)

// line is one curve of a panel.
type line struct {
	name, colour string
	at           func(Second) float64
}

// panel is one set of axes.
type panel struct {
	title string
	top   int
	lines []line
}

// WriteSVG draws throughput and latency over time.
func (r *Result) WriteSVG(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(b, `<text x="%d" y="20" font-size="14">%d of %d committed, %.0f tx/s, finality p50 %.1f ms, p99 %.1f ms</text>`+"\n",
		plotLeft, r.Report.CommittedTx, r.Report.OfferedTx, r.Report.GoodputTPS, r.Report.FinalityMs.P50, r.Report.FinalityMs.P99)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	for _, p := range []panel{
		{"transactions a second", panelTop, []line{
			{"offered", "#999", func(s Second) float64 { return float64(s.Offered) }},
			{"committed", "#1668b8", func(s Second) float64 { return float64(s.Committed) }},
		}},
		{"finality in ms", panelTop + panelSize + panelGap, []line{
			{"p99", "#c2571a", func(s Second) float64 { return ms(s.P99) }},
			{"p50", "#2a7d3c", func(s Second) float64 { return ms(s.P50) }},
		}},
	} {
		p.draw(b, r.Seconds)
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">seconds</text>`+"\n</svg>\n", plotWidth-plotRight, plotHeight-8)
	return b.Flush()
}

func (p *panel) draw(w io.Writer, seconds []Second) {
	top := 1.0
	for _, s := range seconds {
		for _, l := range p.lines {
			top = math.Max(top, l.at(s))
		}
	}
	step := niceStep(top / 4)
	top = math.Ceil(top/step) * step
	width, bottom := plotWidth-plotLeft-plotRight, p.top+panelSize
	y := func(v float64) float64 { return float64(bottom) - v/top*panelSize }
	x := func(i int) float64 {
		return plotLeft + float64(i)/math.Max(1, float64(len(seconds)-1))*float64(width)
	}
	fmt.Fprintf(w, `<text x="%d" y="%d">%s</text>`+"\n", plotLeft, p.top-8, p.title)
	for v := 0.0; v <= top+step/2; v += step {
		fmt.Fprintf(w, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n",
			plotLeft, y(v), plotWidth-plotRight, plotLeft-6, y(v)+4, v)
	}
	for every, i := max(1, len(seconds)/8), 0; i < len(seconds); i += every {
		fmt.Fprintf(w, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n", x(i), bottom+16, i+1)
	}
	for n, l := range p.lines {
		fmt.Fprintf(w, `<path fill="none" stroke-width="1.5" stroke="%s" d="`, l.colour)
		for i, s := range seconds {
			command := 'L'
			if i == 0 {
				command = 'M'
			}
			fmt.Fprintf(w, "%c%.1f %.1f", command, x(i), y(l.at(s)))
		}
		fmt.Fprintf(w, `"/><text x="%d" y="%d" fill="%s" text-anchor="end">%s</text>`+"\n",
			plotWidth-plotRight-n*90, p.top-8, l.colour, l.name)
	}
}

// niceStep is 1, 2 or 5 times a power of ten, at least v.
func niceStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(math.Max(v, 1e-9))))
	for _, f := range []float64{1, 2, 5} {
		if f*power >= v {
			return f * power
		}
	}
	return 10 * power
}
