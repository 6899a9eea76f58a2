package klp

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Export is one line of Module.symvers.
type Export struct {
	CRC       uint32
	Name      string
	Module    string // vmlinux or the module's path
	Namespace string // that an importing module must name, often empty
}

// Owner is the part of the kernel that exports the symbol: vmlinux, or a module by
// its name.
func (e Export) Owner() string { return moduleName(e.Module) }

// ReadSymvers reads a Module.symvers (Documentation/kbuild/modules.rst,
// section "Symbols and Module Versioning"): the exports of a kernel by name.
func ReadSymvers(data []byte) (map[string]Export, error) {
	exports := make(map[string]Export, bytes.Count(data, []byte{'\n'}))
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) < 4 {
			return nil, fmt.Errorf("Module.symvers line %d: %d fields, not 4", n, len(fields))
		}
		crc, err := strconv.ParseUint(strings.TrimPrefix(fields[0], "0x"), 16, 32)
		if err != nil {
			return nil, fmt.Errorf("Module.symvers line %d: CRC %q", n, fields[0])
		}
		e := Export{CRC: uint32(crc), Name: fields[1], Module: fields[2]}
		if len(fields) > 4 {
			e.Namespace = fields[4]
		}
		exports[e.Name] = e
	}
	return exports, lines.Err()
}
