package fault

import (
	"errors"
	"fmt"
	"io/fs"
)

// WithoutCall is a path error without the name of the system call.
func WithoutCall(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return fmt.Errorf("%s: %w", e.Path, e.Err)
	}
	return err
}
