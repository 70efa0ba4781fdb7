// Package configtest has node files for tests, and the folder that they need.
package configtest
