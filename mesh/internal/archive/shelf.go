package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/sealed"
	"leafmesh/mesh/why"
)

// shelf keeps records in the order in which they came, in volumes of which the oldest makes room.
// With a folder each volume is a file, "faults.7", else it lies in memory.
type shelf struct {
	folder, name string
	volumeBytes  int64
	volumes      []*volume // oldest first; the last is being written
}

const (
	// maxVolumes is how many a shelf has: when there is one more the oldest goes.
	maxVolumes = 8
	// maxAge is how long something is kept.
	maxAge = 24 * time.Hour
)

// open finds the volumes that are there.
func (s *shelf) open(folder, name string, bytes, now int64) error {
	*s = shelf{folder: folder, name: name, volumeBytes: bytes / maxVolumes}
	if folder == "" {
		return nil
	}
	if err := sealed.MakeFolder(folder); err != nil {
		return fmt.Errorf("make the folder of kept cascades: %w", err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("look for kept cascades: %w", err)
	}
	for _, e := range entries {
		number, err := strconv.ParseUint(strings.TrimPrefix(e.Name(), name+"."), 10, 64)
		if err != nil || !e.Type().IsRegular() {
			continue // another shelf's, or not ours
		}
		info, err := e.Info()
		if err != nil {
			return fmt.Errorf("look for kept cascades: %w", err)
		}
		s.volumes = append(s.volumes, &volume{number: number, path: filepath.Join(folder, e.Name()), bytes: info.Size(), changed: info.ModTime().UnixNano()})
	}
	slices.SortFunc(s.volumes, func(a, b *volume) int { return int(int64(a.number) - int64(b.number)) })
	return s.makeRoom(now)
}

// put keeps records of a cascade. An error says that they are not kept.
func (s *shelf) put(root cause.ID, records []why.Record, now int64) error {
	for len(records) > 0 {
		page, n, err := encodePage(root, records)
		if err != nil {
			return err
		}
		v, err := s.last(int64(len(page)), now)
		if err != nil {
			return err
		}
		if err := v.append(page, now); err != nil {
			return errors.Join(err, s.dropEmpty())
		}
		records = records[n:]
	}
	return nil
}

// last is the volume that has room for so many bytes more, a new one if need be. A volume that was
// there when the shelf was opened is not written to: what was written last may be half a page.
func (s *shelf) last(bytes, now int64) (*volume, error) {
	number := uint64(1)
	if n := len(s.volumes); n > 0 {
		v := s.volumes[n-1]
		if v.writing() && v.bytes+bytes <= s.volumeBytes && now-v.begun < int64(maxAge/maxVolumes) {
			return v, nil
		}
		number = v.number + 1
		if err := v.close(); err != nil {
			return nil, err
		}
	}
	v := &volume{number: number, begun: now, changed: now}
	if s.folder != "" {
		v.path = filepath.Join(s.folder, s.name+"."+strconv.FormatUint(number, 10))
		file, err := os.OpenFile(v.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
		if err != nil {
			return nil, fmt.Errorf("keep a cascade: %w", err)
		}
		v.file = file
	}
	s.volumes = append(s.volumes, v)
	return v, s.makeRoom(now)
}

// dropEmpty removes the last volume if nothing was written to it: on a full disk each try would
// leave one more. One that cannot be removed stays, as its number is taken.
func (s *shelf) dropEmpty() error {
	last := len(s.volumes) - 1
	v := s.volumes[last]
	if v.bytes > 0 {
		return nil
	}
	if err := v.remove(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove an empty volume of kept cascades: %w", err)
	}
	s.volumes = s.volumes[:last]
	return nil
}

// makeRoom removes volumes that are too many or too old.
func (s *shelf) makeRoom(now int64) error {
	for len(s.volumes) > 1 && s.bytes() > s.volumeBytes*(maxVolumes-1) || len(s.volumes) > 0 && now-s.volumes[0].changed > int64(maxAge) {
		v := s.volumes[0]
		s.volumes = s.volumes[1:]
		if err := v.remove(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove kept cascades: %w", err)
		}
	}
	return nil
}

// bytes is what the volumes take.
func (s *shelf) bytes() (sum int64) {
	for _, v := range s.volumes {
		sum += v.bytes
	}
	return sum
}

// each calls found for all records, oldest first; with nil it only looks for damage. An error says
// what cannot be read: it names one volume and counts the others, as an answer that carries it has
// little room.
func (s *shelf) each(found func(why.Record)) (first error) {
	damaged := 0
	for _, v := range s.volumes {
		data, err := v.read()
		if err == nil {
			err = eachPage(data, found)
		}
		if err == nil {
			continue
		}
		if damaged++; first == nil {
			first = fmt.Errorf("kept cascades in %s: %w", v.name(), err)
		}
	}
	if damaged > 1 {
		return fmt.Errorf("%w (and %d other files like it)", first, damaged-1)
	}
	return first
}

func (s *shelf) close() error {
	if n := len(s.volumes); n > 0 {
		return s.volumes[n-1].close()
	}
	return nil
}

// volume is a part of a shelf.
type volume struct {
	number         uint64
	path           string   // "": in memory
	file           *os.File // while it is written
	data           []byte   // in memory
	bytes          int64
	begun, changed int64
}

func (v *volume) writing() bool { return v.path == "" || v.file != nil }

// append writes a page, or leaves the volume as it was.
func (v *volume) append(page []byte, now int64) error {
	if v.path == "" {
		v.data = append(v.data, page...)
	} else if _, err := v.file.Write(page); err != nil {
		if cut := v.file.Truncate(v.bytes); cut != nil {
			// What stands behind half a page would not be found.
			err = errors.Join(err, cut, v.close())
		}
		return fmt.Errorf("keep a cascade: %w", err)
	}
	v.changed = now
	v.bytes += int64(len(page))
	return nil
}

func (v *volume) read() ([]byte, error) {
	if v.path == "" {
		return v.data, nil
	}
	return os.ReadFile(v.path)
}

func (v *volume) name() string { return filepath.Base(v.path) }

// close ends the writing, with all of it on the disk.
func (v *volume) close() error {
	if v.file == nil {
		return nil
	}
	err := errors.Join(v.file.Sync(), v.file.Close())
	v.file = nil
	return err
}

func (v *volume) remove() error {
	if v.path == "" {
		return nil
	}
	return errors.Join(v.close(), os.Remove(v.path))
}
