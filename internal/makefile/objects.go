// Package makefile reads text around kbuild: lists of objects, dependency files, saved commands. It
// runs nothing.
package makefile

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Object is an object that a patch adds to the build. A makefile names it, and it is compiled from
// a C file that the patch adds. Makefiles of patches are never run, so anything else in them is
// refused.
type Object struct {
	Source string // path of the new C file
	Place  string // makefile:line that names the object
	List   string // "obj", or the name, without .o, of the object that it becomes part of
	When   string // y, m, objs, or a symbol CONFIG_X whose value is one of y and m
}

// Makefile returns the path of the file that names o.
func (o *Object) Makefile() string {
	file, _, _ := strings.Cut(o.Place, ":")
	return file
}

// line is a logical line of a makefile, with continued lines joined.
type line struct {
	number int // number of its first line, from 1
	text   string
	nested bool // inside a conditional or a definition

	// Parts of a line that names objects, LIST-WHEN OP WORDS.
	list, when, op string
	words          []string
}

var (
	objectList = regexp.MustCompile(`^ *([A-Za-z0-9_][A-Za-z0-9_+.-]*)-(y|m|objs|\$\(CONFIG_[A-Za-z0-9_]+\))` +
		`[ \t]*(\+=|:=|=)(.*)$`)
	objectWord = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_+./-]*\.o$`)
	blockBegin = regexp.MustCompile(`^[ \t]*(ifeq|ifneq|ifdef|ifndef|define|(override|export)[ \t]+define)\b`)
	blockEnd   = regexp.MustCompile(`^[ \t]*(endif|endef)\b`)
)

// readLines splits a makefile into logical lines. It omits blank lines and comments that cannot be
// part of a definition.
func readLines(text []byte) []line {
	var lines []line
	physical := strings.Split(string(text), "\n")
	depth := 0
	for i := 0; i < len(physical); i++ {
		l := line{number: i + 1, text: physical[i]}
		for continues(l.text) && i+1 < len(physical) {
			i++
			l.text = strings.TrimSuffix(l.text, `\`) + " " + physical[i]
		}
		if blockEnd.MatchString(l.text) {
			depth--
		}
		l.nested = depth > 0
		if blockBegin.MatchString(l.text) {
			depth++
		}
		if trimmed := strings.TrimSpace(l.text); !l.nested && (trimmed == "" || trimmed[0] == '#' && l.text[0] != '\t') {
			continue
		}
		l.parseList()
		lines = append(lines, l)
	}
	return lines
}

// continues reports whether a line ends in an unquoted backslash.
func continues(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

func (l *line) parseList() {
	m := objectList.FindStringSubmatch(l.text)
	if m == nil {
		return
	}
	words, _, _ := strings.Cut(m[4], "#")
	l.list, l.when = m[1], strings.TrimSuffix(strings.TrimPrefix(m[2], "$("), ")")
	l.op, l.words = m[3], strings.Fields(words)
}

// extends returns the words of l that old does not have. ok is true if both are the same list of
// objects, and l has all words of old in the same order.
func (l *line) extends(old *line) (added []string, ok bool) {
	if l.list == "" || l.list != old.list || l.when != old.when || l.op != old.op || l.nested != old.nested {
		return nil, false
	}
	rest := old.words
	for _, w := range l.words {
		if len(rest) > 0 && rest[0] == w {
			rest = rest[1:]
		} else {
			added = append(added, w)
		}
	}
	return added, len(rest) == 0
}

// AddedObjects returns the objects that the patched version of the makefile at name adds. Its error
// explains any other change. isNew reports whether the patch adds a C file.
func AddedObjects(name string, original, patched []byte, isNew func(source string) bool) ([]Object, error) {
	olds, news := readLines(original), readLines(patched)
	var objects []Object
	for i := range news {
		l := &news[i]
		if len(olds) > 0 && olds[0].text == l.text {
			olds = olds[1:]
			continue
		}
		if removed(olds, news[i:]) {
			break
		}
		words := l.words
		if len(olds) > 0 {
			if added, ok := l.extends(&olds[0]); ok {
				words, olds = added, olds[1:]
			} else if l.list != "" && l.op != "+=" {
				return nil, fmt.Errorf("line %d sets %s-%s instead of adding to it", l.number, l.list, l.when)
			}
		}
		found, err := l.objects(name, words, news[i+1:], isNew)
		if err != nil {
			return nil, fmt.Errorf("line %d %w", l.number, err)
		}
		objects = append(objects, found...)
	}
	if len(olds) > 0 {
		return nil, fmt.Errorf("line %d of the original is changed or removed", olds[0].number)
	}
	return objects, nil
}

// removed reports whether the first line of olds is missing from news, and news continues with a
// later line of olds.
func removed(olds, news []line) bool {
	same := func(l *line) func(line) bool { return func(o line) bool { return o.text == l.text } }
	return len(olds) > 1 && slices.ContainsFunc(olds[1:], same(&news[0])) && !slices.ContainsFunc(news, same(&olds[0]))
}

// objects returns the objects that words name. words are the new words of l, and later are the
// lines after l.
func (l *line) objects(name string, words []string, later []line, isNew func(string) bool) ([]Object, error) {
	switch {
	case l.list == "":
		return nil, errors.New("is not a list of objects")
	case l.nested && len(words) > 0:
		return nil, errors.New("is inside a conditional")
	case slices.ContainsFunc(later, func(o line) bool { return o.list == l.list && o.op != "+=" }):
		return nil, fmt.Errorf("adds to %s, which is assigned again further down", l.list)
	}
	var objects []Object
	for _, w := range words {
		source := path.Join(path.Dir(name), strings.TrimSuffix(w, ".o")+".c")
		if !objectWord.MatchString(w) || path.Clean(w) != w || strings.Contains(w, "..") || !isNew(source) {
			return nil, fmt.Errorf("adds %s, which is not compiled from a C file that the patch adds", w)
		}
		place := fmt.Sprintf("%s:%d", name, l.number)
		objects = append(objects, Object{Source: source, Place: place, List: l.list, When: l.when})
	}
	return objects, nil
}
