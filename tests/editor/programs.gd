@tool
extends RefCounted
## Programs in the shape of the backend's answer to `graph`, for trying the graph view with more than the test
## models have.


## A program of `count` instructions: chains, skips, and a delegate at every fifth place.
static func large(count: int) -> Dictionary:
	var nodes: Array = []
	var values: Dictionary = {
		"0": {"dtype": "float32", "shape": [1, 3, 224, 224]},
		"1": {"dtype": "float32", "shape": [16, 3, 3, 3], "constant": true},
	}
	var inner: Array = []
	var inner_values: Dictionary = {"0": {"dtype": "float32", "shape": [1, 3, 8, 8]}}
	for index: int in 12:
		inner.append({"operator": "Convolution2d", "inputs": [index], "outputs": [index + 1]})
		inner_values[str(index + 1)] = {"dtype": "float32", "shape": [1, 3, 8, 8]}
	for index: int in count:
		var id: int = index + 2
		values[str(id)] = {"dtype": "float32", "shape": [1, 16, 112, 112]}
		var inputs: Array = [0 if index == 0 else id - 1, 1]
		if index % 4 == 3:
			inputs.append(id - 3)
		var node: Dictionary = {"kind": "kernel", "operator": "aten::add.out", "inputs": inputs, "outputs": [id]}
		if index % 5 == 0:
			node = {"kind": "delegate", "backend": "XnnpackBackend", "inputs": inputs, "outputs": [id], "inner": inner}
			node["inner_values"] = inner_values
		nodes.append(node)
	return {"methods": [{"name": "forward", "nodes": nodes, "values": values, "inputs": [0], "outputs": [count + 1]}]}
