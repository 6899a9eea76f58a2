package debuginfo

import (
	"debug/dwarf"
	"testing"
)

// endless are types that refer to themselves in every way that entries can.
func endless(result dwarf.Offset) *dies {
	return &dies{at: map[dwarf.Offset]*die{
		1: {tag: dwarf.TagTypedef, name: "self", ref: 1},
		2: {tag: dwarf.TagPointerType, ref: 2},
		3: {tag: dwarf.TagSubroutineType, ref: result, children: []*die{
			{tag: dwarf.TagFormalParameter, ref: 4}, {tag: dwarf.TagFormalParameter, ref: 4},
			{tag: dwarf.TagFormalParameter, ref: 4}}},
		4: {tag: dwarf.TagPointerType, ref: 3},
		5: {tag: dwarf.TagStructType, size: 8, children: []*die{{tag: dwarf.TagMember, name: "inner", ref: 5}}},
		6: {tag: dwarf.TagArrayType, ref: 6},
		7: {tag: dwarf.TagBaseType, name: "int", size: 4, encoding: encodingSigned},
		8: {tag: dwarf.TagConstType, ref: 1},
		9: {tag: dwarf.TagPointerType, ref: 99},
	}}
}

func TestEndlessTypes(t *testing.T) {
	for ref := range dwarf.Offset(10) {
		same := comparison{olds: endless(7), news: endless(7), seen: map[[2]dwarf.Offset]bool{}}
		if got := same.types(ref, ref); got != "" {
			t.Errorf("%d: a type differs from itself: %s", ref, got)
		}
		if text := same.olds.ctype(ref, "name"); text == "" || len(text) > 100*mostEntries {
			t.Errorf("%d: %d bytes of text", ref, len(text))
		}
	}
	other := comparison{olds: endless(7), news: endless(0), seen: map[[2]dwarf.Offset]bool{}}
	if got := other.types(4, 4); got != "return value: from int to void" {
		t.Errorf("a function that is its own parameter: %q", got)
	}
}

// TestMostPairs has more types than the limit.
func TestMostPairs(t *testing.T) {
	all := &dies{at: map[dwarf.Offset]*die{}}
	for i := range dwarf.Offset(mostPairs + 1) {
		all.at[i+1] = &die{tag: dwarf.TagPointerType, ref: i + 2}
	}
	c := comparison{olds: all, news: all, seen: map[[2]dwarf.Offset]bool{}}
	if got := c.types(1, 1); got != "too many types to compare" {
		t.Errorf("%q", got)
	}
}
