// Package archtest holds the rules of the house that the compiler does not
// check: which package may import which, who may write to the terminal, and
// that each diagnostic code is documented.
package archtest
