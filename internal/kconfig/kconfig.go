// Package kconfig reads a kernel's .config and compares two of them.
package kconfig

import (
	"bufio"
	"bytes"
	"fmt"
	"regexp"
	"sort"
	"strings"
)

// Config is a kernel configuration: from the symbol's name, without CONFIG_,
// to its value as it is written in the file: y, m, a number, or a string with
// its quotes. A symbol that is not set has no entry.
type Config map[string]string

// symbolName matches the name of a symbol.
var symbolName = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// Parse reads a .config (Documentation/kbuild/kconfig.rst). It refuses values in which
// make, which includes them (include/config/auto.conf), or a shell would find commands
// to run. No option of the kernel has such values.
func Parse(data []byte) (Config, error) {
	config := Config{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name, isSymbol := strings.CutPrefix(name, "CONFIG_")
		if !ok || !isSymbol || !symbolName.MatchString(name) {
			return nil, fmt.Errorf("line %d is not CONFIG_NAME=value", n)
		}
		if strings.ContainsAny(value, "$`") {
			return nil, fmt.Errorf("line %d: the value of CONFIG_%s has $ or `, with which make or a shell would run commands",
				n, name)
		}
		if value != "n" {
			config[name] = value
		}
	}
	return config, lines.Err()
}

// Yes reports whether name is y.
func (c Config) Yes(name string) bool { return c[name] == "y" }

// Text returns the string value of name without its quotes.
func (c Config) Text(name string) string {
	s := strings.TrimSuffix(strings.TrimPrefix(c[name], `"`), `"`)
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s)
}

// Change is a symbol whose values differ between two configurations. The value of
// a symbol that is not set is empty.
type Change struct{ Name, Was, Is string }

func (c Change) String() string {
	return fmt.Sprintf("CONFIG_%s=%s, was %s", c.Name, orUnset(c.Is), orUnset(c.Was))
}

func orUnset(value string) string {
	if value == "" {
		return "n"
	}
	return value
}

// Diff returns the symbols whose values differ, by name.
func Diff(was, is Config) []Change {
	var changes []Change
	for name, value := range was {
		if is[name] != value {
			changes = append(changes, Change{name, value, is[name]})
		}
	}
	for name, value := range is {
		if _, known := was[name]; !known {
			changes = append(changes, Change{name, "", value})
		}
	}
	sort.Slice(changes, func(i, j int) bool { return changes[i].Name < changes[j].Name })
	return changes
}

// Set returns the .config text data with the string symbol name set to value: in
// its place if data has the symbol, else at the end.
func Set(data []byte, name, value string) []byte {
	line := fmt.Sprintf("CONFIG_%s=%q", name, value)
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "CONFIG_"+name+"=") || l == "# CONFIG_"+name+" is not set" {
			lines[i] = line
			return []byte(strings.Join(lines, "\n") + "\n")
		}
	}
	return []byte(strings.Join(append(lines, line), "\n") + "\n")
}
