package elfdiff

import (
	"math"

	"kintsugi/internal/objmodel"
)

type atomPair [2]*objmodel.Atom

// cycles records which pairs of atoms are equal although atoms can refer to each other in cycles. A
// pair that is already being compared is assumed to be equal: a cycle is equal if everything else
// is. A result that depends on this assumption is kept only when the outermost pair of the cycle is
// decided (R. E. Tarjan, Depth-First Search and Linear Graph Algorithms, 1972).
type cycles struct {
	// state of decided pairs is equal or different. The state of open pairs is their index in open.
	state map[atomPair]int
	// open are the pairs that are being compared, outermost first. After them come pairs that are
	// equal if an earlier pair is.
	open []atomPair
	// assumed is the index of the outermost pair that the current comparison assumes to be equal.
	assumed int
}

const (
	equal     = -1
	different = -2
)

func newCycles() cycles { return cycles{state: map[atomPair]int{}, assumed: math.MaxInt} }

// decide reports whether p is equal. It calls compare for pairs that are not compared
// yet.
func (c *cycles) decide(p atomPair, compare func(a, b *objmodel.Atom) bool) bool {
	if state, known := c.state[p]; known {
		if state >= 0 {
			c.assumed = min(c.assumed, state)
		}
		return state != different
	}
	place, outer := len(c.open), c.assumed
	c.state[p], c.open, c.assumed = place, append(c.open, p), place
	same := compare(p[0], p[1])
	assumed := c.assumed
	c.assumed = outer
	switch {
	case !same: // different despite the assumption, so also without it
		for _, q := range c.open[place:] {
			delete(c.state, q)
		}
		c.open, c.state[p] = c.open[:place], different
	case assumed < place: // equal if the pair there is
		c.assumed = min(outer, assumed)
	default:
		for _, q := range c.open[place:] {
			c.state[q] = equal
		}
		c.open = c.open[:place]
	}
	return same
}
