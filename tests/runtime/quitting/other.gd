extends Node
## The next scene: it ends the game in its first frames.


func _ready() -> void:
	await get_tree().process_frame
	get_tree().quit()
