@tool
extends RefCounted
## Native modules that a session has let go of while another thread may still be inside one of their calls. Only the
## empty objects are kept, and only the latest: a thread is back out of one long before that many came after it.

const MOST: int = 64

static var _lock: Mutex = Mutex.new()
static var _modules: Array[RefCounted] = []


## Gives a module's memory back; waits for a call that runs. [param owners] is how many variables of the addon hold it:
## one that a game holds too, or a call that waits, stays as it is.
static func put(module: RefCounted, owners: int) -> void:
	# This function's own argument is one more.
	if module.get_reference_count() > owners + 1:
		return
	module.clear()
	_lock.lock()
	_modules.append(module)
	if _modules.size() > MOST:
		_modules.pop_front()
	_lock.unlock()
