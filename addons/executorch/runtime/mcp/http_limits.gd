@tool
extends RefCounted
## What one client may use of the HTTP server.

var connections: int = 64
var body_bytes: int = 1024 * 1024
## JSON nesting.
var depth: int = 64
## Per connection; a burst of `burst` requests may come at once.
var requests_per_second: float = 1000.0
var burst: float = 2000.0
## Milliseconds: to send a head, to send a body, to wait between requests, to take bytes that are written.
var head_msec: int = 10000
var body_msec: int = 30000
var idle_msec: int = 120000
var write_msec: int = 30000
