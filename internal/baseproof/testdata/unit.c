/* A unit of a kernel. read() and twin() are static functions whose names other.c
 * has as well; weak() is one that other.c overrides. */
extern int mine, shared(int), printk(const char *, ...);

__attribute__((noinline)) static int read(int x) { return shared(x) + mine; }
__attribute__((noinline)) static int twin(int x) { return shared(x + 5); }

__attribute__((weak)) int weak(int x) { return x * 3; }

int entry(int x)
{
	printk("entry of the unit %d\n", x);
	return read(x) + CONSTANT;
}

int lone(int x) { return twin(x) + 1; }
