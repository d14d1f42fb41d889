//go:build sharedcode

package sandbox

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
)

// sharedCode names the variable with a folder in which processes of tests keep compiled
// code for each other. It is in no program but those that tests build: code in a folder is
// taken as it is.
const sharedCode = "BEDROCK_SHARED_CODE"

func init() {
	if os.Getenv(sharedCode) != "" {
		ShareCompiled()
	}
}

func codePath(key string) string {
	return filepath.Join(os.Getenv(sharedCode), fmt.Sprintf("%x", sha256.Sum256([]byte(key))))
}

func codeOnDisk(key string) []byte {
	if key == "" || os.Getenv(sharedCode) == "" {
		return nil
	}
	code, err := os.ReadFile(codePath(key))
	if err != nil {
		return nil // the first one compiles
	}
	return code
}

// keepOnDisk leaves code whole or not at all: what cannot be kept is compiled again.
func keepOnDisk(key string, code []byte) {
	if key == "" || os.Getenv(sharedCode) == "" {
		return
	}
	f, err := os.CreateTemp(os.Getenv(sharedCode), "new-")
	if err != nil {
		return
	}
	_, err = f.Write(code)
	if closed := f.Close(); err != nil || closed != nil || os.Rename(f.Name(), codePath(key)) != nil {
		_ = os.Remove(f.Name())
	}
}
