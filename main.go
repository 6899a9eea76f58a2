// Kintsugi turns a kernel source patch into a livepatch module for a kernel
// that is already running somewhere, without building that kernel.
package main

import (
	"os"

	"kintsugi/internal/cli"
	"kintsugi/internal/vm"
)

func main() {
	if vm.IsGuest() {
		vm.GuestMain()
	}
	os.Exit(cli.Main(os.Args[1:]))
}
