package explorer

import (
	"embed"
	"io/fs"
)

//go:embed static
var static embed.FS

// Page is the page's files, to be served as they are from the RPC's origin.
func Page() fs.FS {
	root, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the folder is embedded: its name is wrong in this file
	}
	return root
}
