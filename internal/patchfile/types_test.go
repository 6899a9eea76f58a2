package patchfile

import (
	"strings"
	"testing"
)

// TestTypeLines marks with > the lines that a type can follow from.
func TestTypeLines(t *testing.T) {
	text := `
 #include <linux/fs.h>
>#define ROOM 4
>#define DECLARE(x) \
>	int x;	\
>	int y
 
 static int first(struct file *f)
 {
 	struct local { int one; } l;
 #ifdef DEBUG
 	f->x = 1;
 #endif
 }
 
>struct outer {
>	int one;
>	union {
>		int two;
>	};
>} __packed;
 
 struct lonely;
 struct early
>{
>	int one;
>};
>typedef struct { int counter; } counter_t;
>typedef int (*call_t)(int);
>static struct state {
>	int one;
>} state;
>enum { ONE,
>	TWO };
 static struct outer *get(struct outer *o,
 			 int n)
 {
 	return o + n;
 }
 static void nothing(void)
 {}
 static const struct outer table[] = {
 	{ 1 },
 };
 int last;
`
	var plain, want []string
	for _, line := range strings.Split(strings.Trim(text, "\n"), "\n") {
		plain, want = append(plain, line[1:]), append(want, line[:1])
	}
	for i, isType := range typeLines(strings.Join(plain, "\n")) {
		if isType != (want[i] == ">") {
			t.Errorf("line %d, %q: %v", i+1, plain[i], isType)
		}
	}
}
