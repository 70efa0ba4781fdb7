package httpapi

import (
	"context"
	"io"
	"net/http"
	"testing"
)

func TestAPIServesUntilItIsClosed(t *testing.T) {
	var a API
	if err := a.Serve(context.Background(), "127.0.0.1:0", Handle(Healthy)); err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	answer, err := http.Get(a.URL())
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || answer.StatusCode != 200 || string(body) != `{"status":"ok"}`+"\n" {
		t.Errorf("status %d: %q (%v)", answer.StatusCode, body, err)
	}
	for range 2 {
		if err := a.Close(within(t)); err != nil {
			t.Error(err)
		}
	}
	if answer, err := http.Get(a.URL()); err == nil {
		answer.Body.Close()
		t.Error("it serves after Close")
	}
}

func TestAPIThatDoesNotServe(t *testing.T) {
	var none, failed API
	if err := none.Serve(context.Background(), "", Handle(ok)); err != nil {
		t.Error(err)
	}
	if err := failed.Serve(context.Background(), "127.0.0.1:x", Handle(ok)); err == nil {
		t.Error("a bad address is no error")
	}
	for name, a := range map[string]*API{"no address": &none, "bad address": &failed, "not yet": {}} {
		if url, err := a.URL(), a.Close(within(t)); url != "" || err != nil {
			t.Errorf("%s: URL %q, Close %v", name, url, err)
		}
	}
}
