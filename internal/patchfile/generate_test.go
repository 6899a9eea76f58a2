package patchfile

import (
	"fmt"
	"math/rand/v2"
)

// A generator writes C that is hard on a lexer. Each line with code has a
// marker "L_n __LINE__" that shows in the preprocessor's output which number
// the line has.
type generator struct {
	r     *rand.Rand
	marks int // the last one given away
	units int
	lines []genLine
}

// genLine is a line of a generated program.
type genLine struct {
	text string
	mark int // 0 for none
	unit int // lines of one statement or comment share it
	gap  gap // what may be inserted before the line
}

type gap byte

const (
	between gap = iota // anything
	inCall             // arguments
	inComment
	inDefine // text with a backslash
	nothing
)

// generate writes n functions with markers from after the given one on.
func generate(r *rand.Rand, marks, n int) *generator {
	g := &generator{r: r, marks: marks}
	for range n {
		g.function(2 + r.IntN(8))
	}
	return g
}

func (g *generator) add(where gap, format string, args ...any) {
	g.lines = append(g.lines, genLine{text: fmt.Sprintf(format, args...), unit: g.units, gap: where})
}

// code adds a line with a marker in front.
func (g *generator) code(where gap, indent, rest string) {
	g.marks++
	g.lines = append(g.lines, genLine{fmt.Sprintf("%sL_%d __LINE__ %s", indent, g.marks, rest), g.marks, g.units, where})
}

func (g *generator) unit() { g.units++ }

func (g *generator) function(n int) {
	g.unit()
	g.code(between, "", "static int f(int a)")
	g.unit()
	g.add(between, "{")
	for range n {
		g.statement(3)
	}
	g.unit()
	g.add(between, "}")
	g.unit()
	g.add(between, "")
}

// statement adds one of many things; conditionals nest up to depth.
func (g *generator) statement(depth int) {
	g.unit()
	kinds := []func(){g.simple, g.simple, g.literals, g.call, g.comment, g.lineComment, g.define, g.spliced,
		g.halfCondition, g.invocation, g.initializer, g.asm, g.raw, g.sharp, g.trailing}
	if depth > 0 && g.r.IntN(4) == 0 {
		g.conditional(depth)
		return
	}
	kinds[g.r.IntN(len(kinds))]()
}

func (g *generator) simple() { g.code(between, "\t", "a = b;") }

func (g *generator) literals() {
	g.code(between, "\t", []string{
		`x = "a ( /* b \" ( // c";`, `x = '(' + '"' + '\'' + '\\';`, `x = "\\"; y = ')';`,
		`x = 1 / 2; /* ( */ y = u8R; // ' ( "`, `x = a /b/ c; /* "*/`, `x = "(" "\\\"(";`,
	}[g.r.IntN(6)])
}

func (g *generator) call() {
	g.code(between, "\t", "foo(a,")
	for range 1 + g.r.IntN(3) {
		g.code(inCall, "\t\t", "bar(b), \")\",")
	}
	g.code(inCall, "\t\t", "c);")
}

func (g *generator) comment() {
	g.add(between, "\t/* it's ( a \"comment")
	for range g.r.IntN(3) {
		g.add(inComment, "\t * #if ) '\\\\' #line 7 // (")
	}
	g.add(inComment, "\t **/")
}

func (g *generator) lineComment() {
	g.add(between, "\t// don't /* ( \\")
	g.add(nothing, "\t#line 12 \" (")
}

func (g *generator) define() {
	g.add(between, "#  define D(x) (( '\"' \\")
	for range g.r.IntN(3) {
		g.add(inDefine, "\tx ( \\")
	}
	g.add(inDefine, "\t/* still ( \\")
	g.add(inDefine, "\t the macro */ x")
}

func (g *generator) spliced() {
	g.code(between, "\t", `x = "one ( \`)
	g.add(nothing, `two \" ( " + '\`)
	g.add(nothing, `(' /\`)
	g.add(nothing, `* comment ( *\`)
	g.add(nothing, `/ ;`)
}

// halfCondition has the closing parenthesis in either branch.
func (g *generator) halfCondition() {
	g.code(between, "\t", "if (a &&")
	g.add(inCall, "#ifdef A")
	g.code(inCall, "\t\t", "b) {")
	g.add(nothing, "#else")
	g.code(inCall, "\t\t", "c) {")
	g.add(nothing, "#endif")
	g.unit()
	g.code(between, "\t\t", "x();")
	g.unit()
	g.add(between, "\t}")
}

func (g *generator) invocation() {
	g.code(between, "\t", "x = CALL")
	g.add(nothing, "\t\t/* late */")
	g.code(nothing, "\t\t(", ") ;")
}

func (g *generator) initializer() {
	g.code(between, "\t", "struct s s = {")
	for range 1 + g.r.IntN(3) {
		g.unit()
		g.code(between, "\t\t", ".a = (1),")
	}
	g.unit()
	g.code(between, "\t", "};")
}

func (g *generator) asm() {
	g.code(between, "\t", `asm volatile("nop ( \n"`)
	g.code(inCall, "\t\t", `"\t) /* \n" : : "r" (({`)
	g.code(inCall, "\t\t", `int y = 1; y; }))`)
	g.add(inCall, "\t\t/* ) */);")
}

func (g *generator) raw() {
	g.code(between, "\t", `x = R"d(one " ( /* \`)
	g.add(nothing, `#line 9 )" ' )d";`)
}

func (g *generator) sharp() {
	g.add(between, "#pragma GCC nothing ( /* comment's")
	g.add(inComment, "\t# ( still */ \"")
	g.unit()
	g.code(between, "", "/* */ a # b;")
}

// trailing is code after a comment that began on a line before.
func (g *generator) trailing() {
	g.code(between, "\t", "x; /* begins")
	g.add(inComment, "\tends */ y;")
}

func (g *generator) conditional(depth int) {
	g.add(between, "#%sdef A", []string{"if", "ifn"}[g.r.IntN(2)])
	branches := 1 + g.r.IntN(2)
	for i := range branches {
		if i > 0 {
			g.unit()
			g.add(between, "# else /* ( */")
		}
		for range g.r.IntN(4) {
			g.statement(depth - 1)
		}
	}
	g.unit()
	g.add(between, "#endif // (")
}

// edited is a program after random edits.
type edited struct {
	lines   []genLine
	origin  []int
	touched map[int]bool // units that an edit is inside
}

// edit makes n insertions, deletions and replacements.
func (g *generator) edit(n int) *edited {
	e := &edited{lines: append([]genLine(nil), g.lines...), origin: counting(len(g.lines)), touched: map[int]bool{}}
	for range n {
		at := g.r.IntN(len(e.lines))
		switch g.r.IntN(4) {
		case 0:
			e.drop(at)
		case 1:
			e.insert(g, at)
			e.drop(at)
		default:
			e.insert(g, at)
		}
	}
	return e
}

// drop deletes a line that is a statement of its own.
func (e *edited) drop(at int) {
	line := e.lines[at]
	alone := (at == 0 || e.lines[at-1].unit != line.unit) && (at+1 == len(e.lines) || e.lines[at+1].unit != line.unit)
	if alone && line.mark != 0 && line.gap == between && line.text[len(line.text)-1] == ';' {
		e.lines = append(e.lines[:at:at], e.lines[at+1:]...)
		e.origin = append(e.origin[:at:at], e.origin[at+1:]...)
	}
}

func (e *edited) insert(g *generator, at int) {
	unit := e.lines[at].unit
	start := len(g.lines)
	switch where := e.lines[at].gap; where {
	case between:
		unit = -1
		for range 1 + g.r.IntN(3) {
			switch g.r.IntN(4) {
			case 0:
				g.add(where, "")
			case 1:
				g.add(where, "\t/* new ( */")
			case 2:
				g.call()
			default:
				g.simple()
			}
		}
	case inCall:
		g.code(where, "\t\t", "/* new */")
	case inComment:
		g.add(where, "new ( ' \" text")
	case inDefine:
		g.add(where, "new ( text \\")
	default:
		return
	}
	lines := append([]genLine(nil), g.lines[start:]...)
	g.lines = g.lines[:start]
	for i := range lines {
		lines[i].unit = unit
	}
	e.touched[unit] = true
	e.lines = append(e.lines[:at:at], append(lines, e.lines[at:]...)...)
	e.origin = append(e.origin[:at:at], append(make([]int, len(lines)), e.origin[at:]...)...)
}

// texts returns the lines of a program with their newlines.
func texts(lines []genLine) []string {
	var list []string
	for _, l := range lines {
		list = append(list, l.text+"\n")
	}
	return list
}
