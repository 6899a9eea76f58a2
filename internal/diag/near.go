package diag

import (
	"cmp"
	"slices"
)

// Near returns the codes that name can be a misspelling of, nearest first.
func Near(name string) []Code {
	most := max(len(name)/3, 1)
	var codes []Code
	for _, c := range Codes() {
		if distance(name, string(c)) <= most {
			codes = append(codes, c)
		}
	}
	slices.SortStableFunc(codes, func(a, b Code) int {
		return cmp.Compare(distance(name, string(a)), distance(name, string(b)))
	})
	return codes
}

// distance is the number of bytes to insert, remove or replace to turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
