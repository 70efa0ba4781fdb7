//go:build linux || darwin

package outbox

import "syscall"

// room is how many bytes the file system of a directory has left for this process.
func room(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}
