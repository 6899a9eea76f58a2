package ctext

import "testing"

func TestOnStackOnly(t *testing.T) {
	const define = "struct x { int a; };\n"
	for text, want := range map[string]bool{
		"int f(void) { struct x v; return g(&v); }":                                           true,
		"int f(void) { struct x v = { 1 }, w; return g(&v); }":                                true,
		"int f(void) { if (h()) { struct x v[2]; return g(v); } return 0; }":                  true,
		"static int g(struct x *p) { return p->a == 1; }":                                     true,
		"int f(struct in *in) { struct x *p = container_of(in, struct x, in); return p->a; }": true,
		"/* struct x *p; */": true,
		"static int g(int, struct x *p);\nstatic int g(int a, struct x *p) { return p->a; }\n" +
			"static int h(const struct x *q) { return g(k(1, 2), q); }\nint f(void) { struct x v; return h(&v); }": true,
		"static int g(struct x *p) { return p->a; }\nint f(void *q) { return g(q); }":           false,
		"static int g(int a, struct x *p) { return p->a; }\nint f(void *q) { return g(1, q); }": false,
		"static int g(struct x *p) { return p->a; }\nint f(struct in *in) { return g(in->q); }": false,
		"static int g(struct x *q) { return q->a; }\nstatic int f(void *q) { return g(q); }":    false,
		"static int g(struct x *p) { return p->a; }\nint f(void) { return each(g); }":           false,
		"static int g(struct x *p) { return p->a; }\nstruct op op = { .g = g };":                false,
		"static int h;\nint g(struct x *p) { return p->a; }":                                    false,
		"static struct x v;": false,
		"struct x v;":        false,
		"int f(void) { static struct x v; return g(&v); }":                      false,
		"int f(void) { struct x *p = kmalloc(sizeof(struct x), 1); return 0; }": false,
		"int f(void) { struct x *p = kmalloc(sizeof(*p), 1); return 0; }":       false,
		"int f(void) { struct x *p; p = get(); return 0; }":                     false,
		"int f(struct x *p) { p = kmalloc(8, 1); return 0; }":                   false,
		"int f(struct x *p) { return read(p, sizeof(*p)); }":                    false,
		"int f(void *q) { return ((struct x *)q)->a; }":                         false,
		"struct y { struct x v; };":                                             false,
		"struct y { struct x *p; };":                                            false,
		"static struct x *p;":                                                   false,
		"struct x *get(void);":                                                  false,
		"int f(void) { cache = KMEM_CACHE(x, 0); return 0; }":                   false,
	} {
		if got := OnStackOnly(define+text, "struct x"); got != want {
			t.Errorf("%v for %s", got, text)
		}
	}
	if OnStackOnly("int f(void) { struct x v; return g(&v); }", "struct x") {
		t.Error("a type of a header counts, although other units can have objects")
	}
	if OnStackOnly("struct x { int a; } all;", "struct x") || OnStackOnly("typedef struct { int a; } x;", "x") {
		t.Error("a variable at the definition or a typedef counts")
	}
}
