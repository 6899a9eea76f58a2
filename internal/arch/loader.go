package arch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// TypeName is a relocation type for a person.
func (a *Arch) TypeName(typ uint32) string {
	if a.RelocName == nil {
		return fmt.Sprintf("type %d", typ)
	}
	return a.RelocName(typ)
}

// Apply writes the value of a relocation at place into its field, which data
// begins with, as the module loader does.
func (a *Arch) Apply(data []byte, order binary.ByteOrder, typ uint32, value, place uint64) error {
	size, ok := a.Loader.Applies[typ]
	if !ok {
		return fmt.Errorf("relocation %s is not one that the module loader applies", a.TypeName(typ))
	}
	if len(data) < size {
		return errors.New("it ends outside of its section")
	}
	if slices.Contains(a.Loader.Relative, typ) {
		value -= place
	}
	switch size {
	case 8:
		order.PutUint64(data, value)
	case 4:
		order.PutUint32(data, uint32(value))
	}
	return nil
}
