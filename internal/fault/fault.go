// Package fault classes errors by their cause. The class decides the exit code. The package also
// adds hints for the reader.
//
// A library classes an error once, where the cause is known. Callers add context with fmt.Errorf
// and %w, and do not change the class.
package fault

import (
	"errors"
	"fmt"

	"kintsugi/internal/diag"
)

// Class is the cause of an error. Its number is the process's exit code.
type Class int

const (
	// Verdict is a "no": the patch cannot be livepatched, the module would not load.
	Verdict Class = 1
	// Input is bad usage or bad input: a patch that does not apply, a broken file.
	Input Class = 2
	// Environment is a fault of the machine: a missing tool, the wrong compiler, a full disk.
	Environment Class = 3
	// Bug is a fault of kintsugi. An error without a class is a bug.
	Bug Class = 4
)

// Error is an error with its class, an optional stable diagnostic code
// (docs/diagnostics.md) and hints.
type Error struct {
	Class Class
	Code  diag.Code
	// Source is the place of the fault in the patched tree, file:line.
	Source string
	Hints  []string
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Hint adds one sentence of advice and returns e.
func (e *Error) Hint(format string, args ...any) *Error {
	e.Hints = append(e.Hints, fmt.Sprintf(format, args...))
	return e
}

// Verdictf returns an error of class Verdict with a diagnostic code.
func Verdictf(code diag.Code, format string, args ...any) *Error {
	return &Error{Class: Verdict, Code: code, Err: fmt.Errorf(format, args...)}
}

// Inputf returns an error of class Input.
func Inputf(format string, args ...any) *Error {
	return &Error{Class: Input, Err: fmt.Errorf(format, args...)}
}

// Environmentf returns an error of class Environment.
func Environmentf(format string, args ...any) *Error {
	return &Error{Class: Environment, Err: fmt.Errorf(format, args...)}
}

// ClassOf returns the class of the outermost Error in err's chain, or Bug if there is none.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Bug
}

// CodeOf returns the diagnostic code of err, or "".
func CodeOf(err error) diag.Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// SourceOf returns the place in the source that err is about, or "" if unknown.
func SourceOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Source
	}
	return ""
}

// Hints returns the hints of every Error in err's chain, outermost first.
func Hints(err error) []string {
	var hints []string
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			break
		}
		hints = append(hints, e.Hints...)
		err = e.Err
	}
	return hints
}
