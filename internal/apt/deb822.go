package apt

import "strings"

// Record is one paragraph of a Debian control file, as apt-cache show prints
// it (deb822(5)): field names to values.
type Record map[string]string

// ParseRecords reads paragraphs. Continued lines are joined with newlines. Lines that
// are no fields are ignored.
func ParseRecords(text string) []Record {
	var records []Record
	for _, paragraph := range strings.Split(text, "\n\n") {
		r := Record{}
		field := ""
		for _, line := range strings.Split(paragraph, "\n") {
			if field != "" && strings.HasPrefix(line, " ") {
				r[field] += "\n" + strings.TrimSpace(line)
				continue
			}
			name, value, ok := strings.Cut(line, ":")
			if field = ""; ok {
				field = name
				r[field] = strings.TrimSpace(value)
			}
		}
		if len(r) > 0 {
			records = append(records, r)
		}
	}
	return records
}

// Dependencies returns the names of the packages in a Depends field, and of
// alternatives the first.
func Dependencies(field string) []string {
	var names []string
	for _, clause := range strings.Split(field, ",") {
		words := strings.Fields(strings.SplitN(clause, "|", 2)[0])
		if len(words) > 0 {
			name, _, _ := strings.Cut(words[0], ":") // "perl:any"
			names = append(names, name)
		}
	}
	return names
}
