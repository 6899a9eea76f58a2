package includegraph

import (
	"bytes"
)

// Scan returns what a file may include, as written: "name" or <name>, or "*" for a macro. It does
// not skip comments, so it may return too much.
func Scan(text []byte) []string {
	var found []string
	for rest := text; ; {
		i := bytes.Index(rest, []byte("include"))
		if i < 0 {
			break
		}
		before, after := rest[:i], rest[i+len("include"):]
		rest = after
		if !isDirective(before) && !bytes.HasSuffix(before, []byte("__has_")) {
			continue
		}
		after = bytes.TrimPrefix(after, []byte("_next"))
		if name := headerName(after); name != "" {
			found = append(found, name)
		}
	}
	return append(found, namesForMacros(text)...)
}

// isDirective reports whether text ends with the "#" that begins a directive, apart from white
// space and comments.
func isDirective(text []byte) bool {
	line := text[bytes.LastIndexByte(text, '\n')+1:]
	line, ok := bytes.CutSuffix(bytes.TrimRight(line, " \t"), []byte("#"))
	line = bytes.TrimSpace(line)
	return ok && (len(line) == 0 || bytes.HasSuffix(line, []byte("*/")))
}

// headerName returns the name after "include", or anything for a macro that is not in namingMacros.
func headerName(text []byte) string {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	line = bytes.TrimSpace(line)
	line = bytes.TrimLeft(line, "( \t")
	if len(line) == 0 {
		return ""
	}
	end := map[byte]byte{'"': '"', '<': '>'}[line[0]]
	if end != 0 {
		if n := bytes.IndexByte(line[1:], end); n > 0 {
			return string(line[:n+2])
		}
		return ""
	}
	if macro := identifier(line); macro != "" && namingMacros[macro] == nil {
		return anything
	}
	return ""
}

// namingMacros are the macros that the kernel writes after #include. Each has the macros whose
// definition in another file names the header (include/trace/define_trace.h,
// include/linux/genl_magic_struct.h). The file with this definition counts as the includer, because
// nothing is included without it.
var namingMacros = map[string][]string{
	"TRACE_INCLUDE":           {"TRACE_SYSTEM", "TRACE_INCLUDE_FILE"},
	"GENL_MAGIC_INCLUDE_FILE": {"GENL_MAGIC_INCLUDE_FILE"},
}

// namesForMacros returns the headers that other files include because of the definitions in a file.
func namesForMacros(text []byte) []string {
	var found []string
	for _, names := range namingMacros {
		for _, name := range names {
			for rest := text; ; {
				_, after, ok := bytes.Cut(rest, []byte(name))
				if !ok {
					break
				}
				defined := bytes.HasSuffix(bytes.TrimRight(rest[:len(rest)-len(after)-len(name)], " \t"), []byte("define"))
				rest = after
				if defined {
					found = append(found, macroValue(after)...)
				}
			}
		}
	}
	return found
}

// macroValue returns the header that a macro's value names: a name as in #include, or a word to
// which ".h" is appended.
func macroValue(text []byte) []string {
	if len(text) == 0 || text[0] != ' ' && text[0] != '\t' {
		return nil // a longer name
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return nil
	}
	if line[0] == '<' || line[0] == '"' {
		return []string{headerName(line)}
	}
	word, _, _ := bytes.Cut(line, []byte(" "))
	return []string{"<" + string(word) + ".h>"}
}

// identifier returns the C identifier that text begins with.
func identifier(text []byte) string {
	n := bytes.IndexFunc(text, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if n < 0 {
		n = len(text)
	}
	return string(text[:n])
}
