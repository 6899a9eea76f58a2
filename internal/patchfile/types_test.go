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

// TestHeadings marks with > the lines of a C file that the type of a global
// function or variable can follow from, and with + those that count in a header too.
func TestHeadings(t *testing.T) {
	text := `
+#include <linux/fs.h>
 #define CALL(x) \
 	int x
 /* A comment
  * int f(int x);
  */
 // another
+int first(struct file *f,
+	  int n)
 {
 	int local = 1;
 	return local;
 }
>EXPORT_SYMBOL(first);
 static int second(int n)
 {
 	return n;
 }
 static inline
 int third(int n) { return n; }
+int fourth(int n) { return n; }
+__printf(1, 2)
+int fifth(const char *f, ...)
 {}
 
 extern int sixth(int n,
 		 int m);
>int seventh;
+int eighth[] = {
 	1, 2,
 };
+typedef int (*call_t)(int,
+		      long);
>int declared(int n);
 static struct outer table = {
 	.one = 1,
 };
+long last(void) {
 	return 1;
 }
`
	var plain, want []string
	for _, line := range strings.Split(strings.Trim(text, "\n"), "\n") {
		plain, want = append(plain, line[1:]), append(want, line[:1])
	}
	code := strings.Join(plain, "\n")
	source, header := headings(code, true), headings(code, false)
	for i := range plain {
		if source[i] != (want[i] != " ") || header[i] != (want[i] == "+") {
			t.Errorf("line %d, %q: %v in a C file, %v in a header", i+1, plain[i], source[i], header[i])
		}
	}
}
