// Package picture draws lines over two logarithmic scales as SVG, for a page that may be light or
// dark.
package picture
