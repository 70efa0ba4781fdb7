package servicetest

import (
	"io"
	"net/http"
	"strings"
)

// Call makes a request to the service's HTTP API, with a body of JSON unless it is empty, and reads
// the whole answer. The answer's own Body is closed.
func (r *Run) Call(method, path, body string) (answer *http.Response, text string) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.Ctx, method, r.service.URL()+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err = http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer, string(data)
}
