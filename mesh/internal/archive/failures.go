package archive

import "fmt"

// failures are those of one look: on a full disk all that is to be kept fails, for one reason. They
// are one error of the same words however many they are, so that the log counts its lines.
type failures struct {
	first error
	count int
}

func (f *failures) add(err error) {
	if err == nil {
		return
	}
	if f.count++; f.first == nil {
		f.first = err
	}
}

func (f *failures) err() error {
	if f.count == 0 {
		return nil
	}
	return fmt.Errorf("error 1 of %d: %w", f.count, f.first)
}
