// Package configs holds the configuration files that ship with the project, so that a program can
// carry them. The embedded mode runs the very files that the daemons read.
package configs

import "embed"

// Files are the YAML files of this folder: one for each daemon, and the sample hunt; and those of
// the folder hub, of daemons that meet at a hub.
//
//go:embed *.yaml hub/*.yaml
var Files embed.FS
