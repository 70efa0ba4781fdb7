package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// The forms of SQLite's -wal and -shm files: https://www.sqlite.org/walformat.html.
const (
	walHeader   = 32
	walMagic    = 0x377f0682 // its last bit: checksums take words as big-endian
	frameHeader = 24
	indexHeader = 48 // of the -shm file, which has it twice
)

// checkWAL says what is missing of the -wal file of a database that was not closed, "" if nothing
// is.
//
// SQLite syncs a -wal file's header before the first COMMIT in it, so the file and its header are
// there also after a power cut. What follows is certain only as long as the machine runs
// (sameBoot): then the file -shm says how many frames were committed. After a power cut the frames
// that are left are what synchronous=NORMAL promises, and nothing tells a cut from damage.
func checkWAL(path string, sameBoot bool) (problem string, err error) {
	file, err := os.Open(path + "-wal")
	if errors.Is(err, fs.ErrNotExist) {
		return "its -wal file is gone", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // it was only read
	var header [walHeader]byte
	if _, err := io.ReadFull(file, header[:]); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "its -wal file is cut", nil
	} else if err != nil {
		return "", err
	}
	w, ok := readWAL(header)
	if !ok {
		return "its -wal file is damaged", nil
	}
	if !sameBoot {
		return "", nil
	}
	committed, salt, ok, err := committedFrames(path)
	if err != nil || !ok || committed == 0 {
		return "", err
	}
	if salt != w.salt {
		return "its -wal file is not the one that it had", nil
	}
	whole, err := w.frames(file, committed)
	if err == nil && whole < committed {
		problem = fmt.Sprintf("its -wal file is cut or damaged: %d of %d frames are whole", whole, committed)
	}
	return problem, err
}

// wal is a -wal file being read.
type wal struct {
	order    binary.ByteOrder // of the words that checksums take
	pageSize int
	salt     [8]byte
	sum      [2]uint32
}

// readWAL reads the header. false: it is none.
func readWAL(header [walHeader]byte) (*wal, bool) {
	magic := binary.BigEndian.Uint32(header[:])
	if magic&^1 != walMagic {
		return nil, false
	}
	w := &wal{order: binary.LittleEndian, pageSize: int(binary.BigEndian.Uint32(header[8:]))}
	if magic&1 != 0 {
		w.order = binary.BigEndian
	}
	copy(w.salt[:], header[16:24])
	w.add(header[:24])
	return w, w.is(header[24:]) && w.pageSize >= 512 && w.pageSize <= 1<<16
}

// frames counts whole frames from the start, up to most.
func (w *wal) frames(r io.Reader, most int) (int, error) {
	frame := make([]byte, frameHeader+w.pageSize)
	for n := range most {
		if _, err := io.ReadFull(r, frame); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
		w.add(frame[:8])
		w.add(frame[frameHeader:])
		if !bytes.Equal(frame[8:16], w.salt[:]) || !w.is(frame[16:24]) {
			return n, nil
		}
	}
	return most, nil
}

// add takes data into the sum of what came before.
func (w *wal) add(data []byte) {
	for ; len(data) >= 8; data = data[8:] {
		w.sum[0] += w.order.Uint32(data) + w.sum[1]
		w.sum[1] += w.order.Uint32(data[4:]) + w.sum[0]
	}
}

// is reports whether the sum is that which the file has.
func (w *wal) is(sum []byte) bool {
	return binary.BigEndian.Uint32(sum) == w.sum[0] && binary.BigEndian.Uint32(sum[4:]) == w.sum[1]
}

// committedFrames reads from the -shm file how many frames of which -wal file were committed.
// false: it does not say, since it is gone or the process was killed while it wrote there.
func committedFrames(path string) (frames int, salt [8]byte, ok bool, err error) {
	data, err := os.ReadFile(path + "-shm")
	if errors.Is(err, fs.ErrNotExist) {
		return 0, salt, false, nil
	}
	if err != nil {
		return 0, salt, false, err
	}
	if len(data) < 2*indexHeader || !bytes.Equal(data[:indexHeader], data[indexHeader:2*indexHeader]) {
		return 0, salt, false, nil
	}
	copy(salt[:], data[32:40])
	return int(binary.NativeEndian.Uint32(data[16:])), salt, true, nil
}
