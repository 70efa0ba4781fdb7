// Package browser tests the console and the pages of the hunt in a real browser, headless Chromium.
// It is a module of its own, so that nobody who links leafmesh gets what drives a browser.
//
// The tests are skipped by name where there is no chromium; in CI they fail then. With -args
// -screenshots DIR they write pictures of the pages there.
package browser
