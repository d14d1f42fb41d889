// Package config reads a node's configuration: config.yaml in its home, with
// overrides from the environment.
//
//	cfg, err := config.Load(home)     home/config.yaml, then BEDROCK_* variables
//	config.Write(path, cfg)           a commented file, as `init` writes it
//
// Invariants
//
//   - Unknown keys are refused with their line and the nearest known key, so that
//     no setting is silently without effect.
//   - A value is read, bounded and checked before anything starts; each error
//     names the key and what it may be.
//   - The schema is one table of fields (fields.go), from which defaults, checks,
//     the commented file, environment names and docs/configuration.md come.
//   - Nothing here is secret: keys are named by their files.
//
// It must not open files other than config.yaml. Guarded by config_test.go, which
// also holds docs/configuration.md to the table.
package config
