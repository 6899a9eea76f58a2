package cage

// Launcher is what a compiler launcher needs of the host: its own cache, or
// the machines that it sends work to.
type Launcher struct {
	Network  bool
	Writable []string // folders at their own paths
	Env      []string // NAME=VALUE
}
