package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// crashFile names, in the environment, the database that this program is to write to until it is
// killed.
const crashFile = "STORE_TEST_CRASH_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashFile); path != "" {
		writeUntilKilled(path)
	}
	if path := os.Getenv(reopenFile); path != "" {
		reopenUntilKilled(path)
	}
	goleak.VerifyTestMain(m)
}

// writeUntilKilled prints a line after each Write. Four writers share transactions.
func writeUntilKilled(path string) {
	db, err := Open(path, []string{testSchema})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%d-%d", w, i)
				if err := put(db, name, i); err != nil {
					name = err.Error()
				}
				fmt.Println(name)
			}
		}()
	}
	select {}
}

func TestKilledProcessLosesNoFinishedWrite(t *testing.T) {
	db, path := openTest(t)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashFile+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var finished []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		finished = append(finished, lines.Text())
		if len(finished) == 500 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || len(finished) < 500 {
		t.Fatalf("the writing process ended by itself (%v) after %q", err, finished)
	}
	again, err := Open(path, []string{testSchema})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	have := map[string]bool{}
	for _, name := range strings.Fields(notes(t, again)) {
		have[name] = true
	}
	for _, name := range finished {
		if name != "" && !have[name] {
			t.Errorf("the Write of %q had returned, and it is lost", name)
		}
	}
	if err := again.Write(context.Background(), insert("after")); err != nil {
		t.Error(err)
	}
}
