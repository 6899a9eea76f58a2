package makefile

import "strings"

// Depfile returns the prerequisites in the output of the compiler's -MMD, as written there, without
// the target.
func Depfile(text []byte) []string {
	_, list, ok := strings.Cut(strings.ReplaceAll(string(text), "\\\n", " "), ": ")
	if !ok {
		return nil
	}
	var deps []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			deps = append(deps, word.String())
		}
		word.Reset()
	}
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '\n':
			end()
			return deps
		case c == ' ' || c == '\t':
			end()
		case (c == '\\' || c == '$') && i+1 < len(list) && strings.IndexByte(` #\$`, list[i+1]) >= 0:
			i++
			word.WriteByte(list[i])
		default:
			word.WriteByte(c)
		}
	}
	end()
	return deps
}
