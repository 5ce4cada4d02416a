extends SceneTree
## `-- CASES RESULTS`: what ExecuTorchTensor makes of the cases in a JSON file. test_tensor_numpy.py has numpy's.


func _init() -> void:
	var arguments: PackedStringArray = OS.get_cmdline_user_args()
	var cases: Dictionary = JSON.parse_string(FileAccess.get_file_as_string(arguments[0]))
	var image: Image = _image(cases["image"])
	var results: Dictionary = {"images": [], "round_trips": []}
	for case: Dictionary in cases["images"] as Array:
		var tensor: ExecuTorchTensor = ExecuTorchTensor.from_image(
			image,
			Vector2i(case["width"], case["height"]),
			case["channels"],
			PackedFloat32Array(case["mean"] as Array),
			PackedFloat32Array(case["deviation"] as Array),
			case["layout"]
		)
		results["images"].append({"shape": tensor.shape, "values": tensor.data})
	for case: Dictionary in cases["round_trips"] as Array:
		results["round_trips"].append(_round_trip(image, case))
	var logits: ExecuTorchTensor = ExecuTorchTensor.from_array(cases["logits"])
	results["softmax"] = logits.softmax().data
	results["argmax"] = logits.argmax()
	results["topk"] = logits.topk(10).map(func(entry: Dictionary) -> int: return entry["index"])
	results["integer_topk"] = (ExecuTorchTensor.from_array(cases["integers"], "int64").topk(4).map(
		func(entry: Dictionary) -> int: return entry["index"]
	))
	var frames: PackedVector2Array = []
	for frame: Array in cases["frames"] as Array:
		frames.append(Vector2(frame[0], frame[1]))
	results["mono"] = ExecuTorchTensor.from_audio(frames).data
	results["stereo"] = ExecuTorchTensor.from_audio(frames, false).data
	results["frames_back"] = ExecuTorchTensor.from_audio(frames, false).to_audio() == frames
	FileAccess.open(arguments[1], FileAccess.WRITE).store_string(JSON.stringify(results, "", true, true))
	quit()


## The pixels of a picture that went through a tensor.
func _round_trip(image: Image, case: Dictionary) -> bool:
	var mean: PackedFloat32Array = PackedFloat32Array(case["mean"] as Array)
	var deviation: PackedFloat32Array = PackedFloat32Array(case["deviation"] as Array)
	var tensor: ExecuTorchTensor = ExecuTorchTensor.from_image(
		image, Vector2i.ZERO, case["channels"], mean, deviation, case["layout"]
	)
	var back: Image = tensor.to_image(case["channels"], mean, deviation, case["layout"])
	var expected: Image = image.duplicate()
	expected.convert(back.get_format())
	return back.get_data() == expected.get_data()


func _image(description: Dictionary) -> Image:
	var bytes: PackedByteArray = PackedByteArray(description["pixels"] as Array)
	return Image.create_from_data(description["width"], description["height"], false, Image.FORMAT_RGB8, bytes)
