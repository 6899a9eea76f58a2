package sample

// Documented counts.
type Documented struct{}

func (Documented) Undocumented() int { return 1 }

func (hidden) Exported() int { return 1 } // its type is not exported

type hidden struct{}

// These share a comment.
const (
	One = iota
	Two
)

// Branches has every kind of branch: 1 + if, &&, ||, for, range, two cases, select.
func Branches(n int, c chan int) int {
	if n > 1 && n < 5 || n == 9 {
		for n > 0 {
			n--
		}
	}
	for range n {
		n++
	}
	switch {
	case n == 1:
	case n == 2:
	default:
	}
	select {
	case <-c:
	default:
	}
	return n
}

const wide = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx 120 columns"
const wider = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx 121 columns"
const widest = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx of more than 140 columns"
