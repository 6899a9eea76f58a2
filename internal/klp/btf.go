package klp

// moduleSize is sizeof(struct module) in the kernel, 0 where it is not known.
func (k *Kernel) moduleSize() uint64 { return 0 }
