@tool
extends ConfirmationDialog
## Asks whether code may run, before it is allowed: names the file and what runs.

const ProjectSetup := preload("res://addons/executorch/editor/shared/settings.gd")
const CONFINED: String = "It runs in a sandbox: no network, no other files than those of the conversion."
const UNCONFINED: String = "It runs without a sandbox, with all of your rights on this machine."
const ADVICE: String = "Allow it only if you trust where it is from."


## Opens the question in the editor. `error` is the refusal, `{code, cause}`; `given` is called when a person allows it.
static func ask(path: String, error: Dictionary, given: Callable) -> void:
	var dialog: ConfirmationDialog = new()
	dialog.title = "Allow the Code of %s?" % path.get_file()
	dialog.dialog_text = describe(path, error)
	dialog.confirmed.connect(given)
	EditorInterface.get_base_control().add_child(dialog)
	dialog.popup_centered(Vector2i(460, 0) * roundi(EditorInterface.get_editor_scale()))
	dialog.get_cancel_button().grab_focus()


## What the question says.
static func describe(path: String, error: Dictionary) -> String:
	var code: String = str(error.get("code", ""))
	var is_confined: bool = code == "PICKLE_NEEDS_PERMISSION" and OS.get_name() != "Windows" and not _has_no_sandbox()
	var lines: PackedStringArray = [path, str(error.get("cause", "")), CONFINED if is_confined else UNCONFINED, ADVICE]
	return "\n\n".join(lines)


static func _has_no_sandbox() -> bool:
	var settings: EditorSettings = EditorInterface.get_editor_settings()
	return (
		settings.has_setting(ProjectSetup.WITHOUT_SANDBOX) and bool(settings.get_setting(ProjectSetup.WITHOUT_SANDBOX))
	)


func _init() -> void:
	ok_button_text = "Allow"
	dialog_autowrap = true
	visibility_changed.connect(_on_visibility_changed)


func _on_visibility_changed() -> void:
	if not visible:
		queue_free.call_deferred()
