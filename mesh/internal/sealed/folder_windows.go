package sealed

import (
	"os"

	"golang.org/x/sys/windows"
)

// Rename gives a file the name of another one, in its place. On Windows it returns when the change
// is on the disk, which os.Rename does not.
func Rename(from, to string) error {
	if err := rename(from, to); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

func rename(from, to string) error {
	source, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	target, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	return windows.MoveFileEx(source, target, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
}

// CheckFolder does nothing on Windows, where a folder has no such mode.
func CheckFolder(string) error { return nil }

// SyncFolder does nothing on Windows. To sync takes a handle that may write, and nobody may write
// to a folder as such: access is denied. A rename needs none, see [Rename]. That a folder was made
// or a file removed, a crash of the machine within seconds may undo: then the folder is made again,
// or the file is there again, whole.
func SyncFolder(string) error { return nil }
