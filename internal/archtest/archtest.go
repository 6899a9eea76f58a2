// Package archtest checks rules of the project that the compiler does not check: which package may
// import which, which packages may write to the terminal, and that each diagnostic code is
// documented.
package archtest
