//go:build !sharedcode

package sandbox

func codeOnDisk(string) []byte { return nil }

func keepOnDisk(string, []byte) {}
