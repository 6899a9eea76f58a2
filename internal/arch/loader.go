package arch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// TypeName returns the name of a relocation type for messages.
func (a *Arch) TypeName(typ uint32) string {
	if a.RelocName == nil {
		return fmt.Sprintf("type %d", typ)
	}
	return a.RelocName(typ)
}

// Apply applies a relocation as the module loader does. It writes value to the field at the start
// of data, whose address is place.
func (a *Arch) Apply(data []byte, order binary.ByteOrder, typ uint32, value, place uint64) error {
	size, ok := a.Loader.Applies[typ]
	if !ok {
		return fmt.Errorf("the module loader does not apply relocations of type %s", a.TypeName(typ))
	}
	if len(data) < size {
		return errors.New("the relocated field ends outside its section")
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
