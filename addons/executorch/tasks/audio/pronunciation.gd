@tool
extends RefCounted
## The phonemes of a text, by a lexicon: words and their phonemes, as a JSON file has them.

# Words, single digits, and any other sign; spaces separate them.
const _PARTS: String = "[\\p{L}\\p{M}]+(?:['’][\\p{L}\\p{M}]+)*|\\d|[^\\s]"
# A sentence with what closes it, or the rest of the text.
const _SENTENCES: String = '[^.!?…\\n]*[.!?…]+["”’)\\]]*|[^.!?…\\n]+'
# Where a long sentence is divided.
const _CLAUSES: String = "[^,;:—]*[,;:—]+|[^,;:—]+"

## Words of the last text that the lexicon does not have.
var unknown: PackedStringArray = []

var _words: Dictionary
var _symbols: Dictionary


func _init(words: Dictionary, symbols: Dictionary) -> void:
	_words = words
	_symbols = symbols


## The phonemes of a text. Words are looked up as they are written, then in lower case; unknown ones are spelled with
## the names of their letters, which a lexicon has as capitals. Punctuation that the model knows stays.
func of(text: String) -> String:
	unknown = []
	var found: String = ""
	var end: int = 0
	for part: RegExMatch in RegEx.create_from_string(_PARTS).search_all(text):
		var is_apart: bool = part.get_start() > end
		end = part.get_end()
		var spoken: String = _of_part(part.get_string())
		if not spoken.is_empty():
			found += (" " if is_apart and not found.is_empty() else "") + spoken
	return found


## A text in sentences.
static func sentences_of(text: String) -> PackedStringArray:
	return _pieces(text, _SENTENCES)


## A sentence that is too long, at its commas.
static func clauses_of(sentence: String) -> PackedStringArray:
	return _pieces(sentence, _CLAUSES)


func _of_part(part: String) -> String:
	var known: String = _known(part)
	if known.is_empty():
		known = _known(part.to_lower())
	if not known.is_empty():
		return known
	var is_word: bool = part.to_lower() != part.to_upper() or part.is_valid_int()
	if not is_word:
		return part if _symbols.has(part) else ""
	unknown.append(part)
	var spelled: PackedStringArray = []
	for letter: String in part.to_upper():
		spelled.append(_known(letter))
	return "".join(spelled)


# A lexicon may have several phonemes of a word, by its part of speech.
func _known(word: String) -> String:
	var found: Variant = _words.get(word, "")
	if found is Dictionary:
		found = (found as Dictionary).get("DEFAULT", "")
	return found if found is String else ""


static func _pieces(text: String, pattern: String) -> PackedStringArray:
	var found: PackedStringArray = []
	for part: RegExMatch in RegEx.create_from_string(pattern).search_all(text):
		var piece: String = part.get_string().strip_edges()
		if not piece.is_empty():
			found.append(piece)
	return found
