package baseproof

import (
	"maps"

	"kintsugi/internal/objmodel"
)

// Improvable reports whether the unit has functions that can still be proven by
// compiling it without -ffunction-sections. With that option the assembler cannot
// shorten a jump from one function to another, so a function can differ from the image
// in such jumps only. Several functions can also have the same code; without the option
// the place of one function determines those of all others.
func (p *Proof) Improvable() bool {
	for _, f := range p.funcs {
		if reason := p.how[f]; reason != "" && reason != overridden && reason != noSymbol {
			return true
		}
	}
	return false
}

// With returns p completed by the proof of the same unit compiled without
// -ffunction-sections and -fdata-sections. Source and compiler of the two objects are
// the same, so their symbols have the same names.
func (p *Proof) With(plain *Proof) *Proof {
	mine, theirs := byName(p), byName(plain)
	twins := map[*objmodel.Atom]*objmodel.Atom{}
	for name, a := range mine {
		if a != nil && theirs[name] != nil {
			twins[a] = theirs[name]
		}
	}
	return p.WithTwins(plain, twins)
}

// WithTwins returns p completed by the proof of the same unit compiled in another way.
// twins maps atoms of this object to those of the other.
func (p *Proof) WithTwins(other *Proof, twins map[*objmodel.Atom]*objmodel.Atom) *Proof {
	p = p.clone()
	for _, f := range p.funcs {
		twin := twins[f]
		if p.how[f] == "" || twin == nil {
			continue
		}
		if addr, ok := other.addr[twin]; ok && other.how[twin] == "" {
			p.addr[f] = addr
			delete(p.how, f)
		}
	}
	for a, twin := range twins {
		if addr, ok := other.addr[twin]; ok {
			if _, known := p.addr[a]; !known {
				p.addr[a] = addr
			}
		}
	}
	for name, addr := range other.symbol {
		if _, known := p.symbol[name]; !known {
			p.symbol[name] = addr
		}
	}
	return p
}

// WithSymbols returns p with the addresses of symbols that are static in another unit
// and that the patch makes global. The unit's own references have precedence.
func (p *Proof) WithSymbols(addresses map[string]uint64) *Proof {
	p = p.clone()
	for name, addr := range addresses {
		if _, known := p.symbol[name]; !known {
			p.symbol[name] = addr
		}
	}
	return p
}

func (p *Proof) clone() *Proof {
	c := *p
	c.addr, c.how, c.symbol = maps.Clone(p.addr), maps.Clone(p.how), maps.Clone(p.symbol)
	return &c
}

// byName returns the named atoms of a proof's object, or nil if a name occurs twice.
func byName(p *Proof) map[string]*objmodel.Atom {
	m := map[string]*objmodel.Atom{}
	for _, a := range p.obj.Atoms {
		if a.Name == "" {
			continue
		}
		if _, twice := m[a.Name]; twice {
			m[a.Name] = nil
			continue
		}
		m[a.Name] = a
	}
	return m
}
