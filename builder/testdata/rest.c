/* What the rest of the kernel has. */
asm(".globl __fentry__\n__fentry__: ret\n");

int table[8];

int exported(int x)
{
	return table[x & 7];
}

int hidden(int x)
{
	return table[x & 3] * x;
}
