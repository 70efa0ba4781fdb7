package browser

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// embedded runs the whole program, as make run does, and returns the first URL that it prints.
func embedded(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "embedded")
	build := exec.Command("go", "build", "-o", program, "./embedded")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	run := exec.Command(program, "-http", "127.0.0.1:0", "-teams", "30")
	run.Stderr = os.Stderr
	said, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	first := make(chan string, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		url := regexp.MustCompile(`http://\S+`)
		for lines := bufio.NewScanner(said); lines.Scan(); {
			if found := url.FindString(lines.Text()); found != "" {
				select {
				case first <- found:
				default: // a later one
				}
			}
		}
	}()
	t.Cleanup(func() {
		if err := run.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		<-ended
		if err := run.Wait(); err != nil {
			t.Error(err)
		}
	})
	select {
	case url := <-first:
		return url
	case <-time.After(patience):
		t.Fatal("it prints no URL")
		return ""
	}
}

// A newcomer opens the first URL, joins, guesses wrong and right, takes a hint, and stands on the
// leaderboard.
func TestANewcomerPlays(t *testing.T) {
	chromium(t) // before anything is built
	url := embedded(t)
	begun := time.Now()
	p := open(t, url)
	p.await("the hunt's nodes", cell("Nodes", "clue-1", "State")+` === "well"`)
	p.click("Play")
	p.await("the field for a name", `document.querySelector("input[name=team]")?.value.length > 0`)
	eval[bool](p, `(document.querySelector("input[name=team]").value = "Browser Badgers", document.querySelector(".join form").requestSubmit(), true)`)
	p.await("a clue", `document.querySelector("[data-clue=weather] input")`)
	took := time.Since(begun)
	t.Logf("a newcomer has a clue %v after the first URL was printed (aim: 10 s)", took.Round(time.Millisecond))
	guess := func(text string) {
		t.Helper()
		eval[bool](p, `((i) => { i.value = `+quoted(text)+`; i.form.requestSubmit(); return true; })(document.querySelector("[data-clue=weather] input"))`)
	}
	said := `document.querySelector("[data-clue=weather] .said").innerText`
	guess("treasure")
	p.await("the verdict", said+`.includes("is wrong")`)
	p.click("Take a hint for 2 points")
	p.await("the hint", `document.querySelector("[data-clue] .hint")?.innerText.length > 0`)
	p.picture("play")
	guess("Fog!")
	p.await("the solved clue", `!document.querySelector("[data-clue=weather]") && document.querySelector(".solved li")`)
	p.await("the team's points", `document.querySelector(".lead[role=status]").innerText.includes("points, rank")`)
	p.click("Leaderboard")
	p.await("the team on the leaderboard", `document.querySelector("tr.own")?.innerText.includes("Browser Badgers")`)
	p.picture("leaderboard")
	p.width(390, 844)
	p.await("room on a phone", `document.documentElement.scrollWidth <= innerWidth`)
}
