// Figures prints the size and shape of the project's Go code: the length of functions and files,
// the complexity of functions, how much is documented and tested, and the width of lines. Its test
// enforces budgets.
//
//	go run ./internal/figures [-over] [DIR]
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"kintsugi/internal/text"
)

func main() {
	over := flag.Bool("over", false, "list what exceeds a budget")
	flag.Parse()
	dir := "."
	if flag.NArg() > 0 {
		dir = flag.Arg(0)
	}
	code, err := measure(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
	code.print(os.Stdout)
	if *over {
		for _, o := range code.exceeding(budgets) {
			fmt.Println(o)
		}
	}
}

// print prints the table. Tests count in their own rows alone.
func (c *code) print(w io.Writer) {
	var lengths, branches []int
	complex := 0
	for _, f := range c.functions {
		lengths = append(lengths, f.lines)
		branches = append(branches, f.complexity)
		if f.complexity > 15 {
			complex++
		}
	}
	table := text.Table{}
	row := func(name, format string, values ...any) { table.Row(name, fmt.Sprintf(format, values...)) }
	row("functions, median / p90 / max lines", "%d / %d / %d", quantile(lengths, 50), quantile(lengths, 90),
		quantile(lengths, 100))
	row("files, median / max lines", "%d / %d", quantile(c.files, 50), quantile(c.files, 100))
	row("cyclomatic complexity above 15, max", "%d, %d", complex, quantile(branches, 100))
	row("exported names documented", "%.0f %%", 100*ratio(c.documented, c.exported))
	row("test / code lines", "%.2f (%d / %d)", ratio(c.testLines, c.codeLines), c.testLines, c.codeLines)
	row("lines over 140 columns", "%d (tests %d)", c.wider(140, false), c.wider(140, true))
	row("lines over 120 columns", "%d (tests %d)", c.wider(120, false), c.wider(120, true))
	fmt.Fprint(w, table.String())
}

func ratio(part, whole int) float64 { return float64(part) / float64(max(whole, 1)) }
