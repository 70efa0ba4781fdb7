package letters

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// killFolder names, in the environment, the folder that this program is to put
// letters into until it is killed.
const killFolder = "LETTERS_TEST_KILL_FOLDER"

func TestMain(m *testing.M) {
	if folder := os.Getenv(killFolder); folder != "" {
		putUntilKilled(folder)
	}
	goleak.VerifyTestMain(m)
}

const killLetters = 20

// putUntilKilled replaces some letters again and again, and prints the tries of
// each once it is put.
func putUntilKilled(folder string) {
	l, err := Open(folder, killLetters)
	for n := 0; err == nil; n++ {
		one := killLetter(n)
		if err = l.Put(one); err == nil {
			fmt.Println(one.Tries)
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// killLetter is the n-th that is put; its event is made of its tries.
func killLetter(n int) Letter {
	one := letter(n%killLetters+1, "count")
	one.Tries = n
	one.Message = bytes.Repeat([]byte{byte(n)}, n%5000)
	return one
}

// A kill leaves each letter as it was last put or, of one alone, as it was being
// put; never half of it.
func TestAKillLeavesWholeLetters(t *testing.T) {
	folder := t.TempDir()
	for round, after := range []int{1, 7, 50, 111} {
		done := killAfter(t, folder, after)
		if err := os.WriteFile(filepath.Join(folder, ".1.half-written"), []byte("of an earlier kill"), 0o600); err != nil {
			t.Fatal(err)
		}
		l := open(t, folder, killLetters)
		list, err := l.List()
		if err != nil {
			t.Fatal(err)
		}
		last := map[Key]int{}
		for n := range done {
			last[killLetter(n).Key()] = n
		}
		for _, s := range list {
			got, err := l.Get(s.Key)
			if err != nil || !bytes.Equal(got.Message, killLetter(got.Tries).Message) {
				t.Errorf("round %d: letter %d: %v, %d bytes", round, got.Tries, err, len(got.Message))
			}
			if before, was := last[s.Key]; was && got.Tries < before {
				t.Errorf("round %d: put %d had returned, and put %d is there", round, before, got.Tries)
			}
			delete(last, s.Key)
		}
		if len(last) > 0 {
			t.Errorf("round %d: letters are lost: %v", round, last)
		}
		if left, err := filepath.Glob(filepath.Join(folder, ".*")); err != nil || len(left) > 0 {
			t.Errorf("left half written: %v, %v", left, err)
		}
	}
}

// killAfter runs the child until it has put so many, and says how many it had
// put when it died.
func killAfter(t *testing.T, folder string, after int) (done int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), killFolder+"="+folder)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); done++ {
		if text := strings.TrimSpace(lines.Text()); text != fmt.Sprint(done) {
			t.Fatalf("the child says %q", text)
		}
		if done == after {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || done <= after {
		t.Fatalf("the child ended by itself after %d letters: %v", done, err)
	}
	return done
}
