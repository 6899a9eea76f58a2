/* The unit that the tests of the builder patch. PATCHED is the change to a
 * function, DATA that of a variable's initial value, KEY a new static key. */
int exported(int), hidden(int);
int limit = DATA;

__attribute__((noinline)) static int last(int x)
{
	return hidden(x) + 1;
}

/* Its jump to last() is short where both are in one section. */
int first(int x)
{
	if (x > limit)
		return 0;
	return last(exported(x) FIRST);
}

#if defined(KEY) || defined(READ)
struct static_key { long enabled; };
static struct static_key fresh;
#endif

int show(int x)
{
#ifdef KEY
	asm goto("1: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n"
		 ".pushsection __jump_table, \"aw\"\n"
		 ".long 1b - ., %l[on] - .\n .quad %c0 - .\n .popsection" : : "i" (&fresh) : : on);
	return hidden(x);
on:
#endif
#ifdef READ
	if (!*(volatile long *)&fresh.enabled)
		return hidden(x);
#endif
	return hidden(x + PATCHED);
}
