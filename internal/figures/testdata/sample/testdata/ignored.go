package ignored

// Go leaves folders of this name alone.
func ignored() {}
