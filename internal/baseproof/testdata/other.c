/* The rest of that kernel. */
int mine, theirs;
int shared(int x) { return x ^ 0x5a; }
int printk(const char *format, ...) { return format[0]; }
int weak(int x) { return x * 5; }

__attribute__((noinline)) static int read(int x) { return shared(x) + theirs; }
__attribute__((noinline)) static int twin(int x) { return shared(x + 5); }

int others(int x) { return read(x) + twin(x); }
