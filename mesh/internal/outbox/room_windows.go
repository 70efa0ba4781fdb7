package outbox

import "golang.org/x/sys/windows"

// room is how many bytes the volume of a directory has left for this process's user.
func room(dir string) (uint64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var left uint64
	if err := windows.GetDiskFreeSpaceEx(name, &left, nil, nil); err != nil {
		return 0, err
	}
	return left, nil
}
