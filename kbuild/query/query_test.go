package query

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUnitObjtool(t *testing.T) {
	ibt := strings.Fields("--hacks=jump_label --ibt --mcount --mnop --orc --prefix=16 --retpoline --link")
	if diff := cmp.Diff(strings.Fields("--hacks=jump_label --orc --retpoline"), unitObjtool(ibt)); diff != "" {
		t.Error(diff)
	}
	plain := strings.Fields("--mcount --mnop --orc --prefix=16")
	if diff := cmp.Diff(plain, unitObjtool(plain)); diff != "" {
		t.Error("without IBT, kbuild's options for single objects must not change:", diff)
	}
}

func TestDeny(t *testing.T) {
	a := Parse(nil)
	a.deny([]byte("make[2]: *** No rule to make target 'drivers/zorro/.kintsugi'.\n" +
		"make[1]: *** No rule to make target './samples/.kintsugi', needed by '.'.  Stop.\n" +
		"make[1]: *** [scripts/Makefile.build:508: drivers] Error 2\n"))
	if diff := cmp.Diff(map[string]bool{"drivers/zorro": true, "samples": true}, a.denied); diff != "" {
		t.Error(diff)
	}
}
