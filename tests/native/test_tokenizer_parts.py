"""Each part of a tokenizer alone gives what the same part of the tokenizers library gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from tests.native.test_tokenizer import differences, native, reference
from tests.networks import sentencepiece_samples, tokenizer_samples

TEXTS = tokenizer_samples.texts(600, seed=37)
BEHAVIOURS = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]
NORMALIZERS = {
    "bert": normalizers.BertNormalizer(),
    "bert_cased_accents": normalizers.BertNormalizer(lowercase=False, strip_accents=True),
    "lowercase": normalizers.Lowercase(),
    "nfc": normalizers.NFC(),
    "nfd": normalizers.NFD(),
    "nfkc": normalizers.NFKC(),
    "nfkd": normalizers.NFKD(),
    "strip_accents": normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()]),
    "strip": normalizers.Strip(),
    "strip_left": normalizers.Strip(left=True, right=False),
    "prepend": normalizers.Prepend("_"),
    "replace_longer": normalizers.Replace("e", "xyz"),
    "replace_shorter": normalizers.Replace(Regex("[aeiou]+"), "u"),
    "replace_at_the_beginning": normalizers.Replace(Regex(r"\A[\s\p{L}]{1,3}"), "_"),
    "replace_words": normalizers.Replace(Regex(r"\w+"), "_"),
    "replace_words_of_a_class": normalizers.Replace(Regex(r"[\w-]+"), "_"),
    "replace_by_nothing": normalizers.Replace(Regex(r"\s+"), ""),
    "replace_twice": normalizers.Sequence([normalizers.Replace(" ", "ab"), normalizers.Replace("b", "  ")]),
}
PRE_TOKENIZERS = {
    **{f"split_{name}": pre_tokenizers.Split(" ", name) for name in BEHAVIOURS},
    **{f"split_regex_{name}": pre_tokenizers.Split(Regex(r"\p{L}+|\d"), name) for name in BEHAVIOURS},
    **{f"split_inverted_{name}": pre_tokenizers.Split(Regex(r"\p{L}+|\d"), name, invert=True) for name in BEHAVIOURS},
    **{f"split_at_string_inverted_{name}": pre_tokenizers.Split(" ", name, invert=True) for name in BEHAVIOURS},
    **{f"split_class_inverted_{name}": pre_tokenizers.Split(Regex(r"\w+"), name, invert=True) for name in BEHAVIOURS},
    **{f"punctuation_{name}": pre_tokenizers.Punctuation(name) for name in BEHAVIOURS},
    "bert": pre_tokenizers.BertPreTokenizer(),
    "whitespace": pre_tokenizers.Whitespace(),
    "whitespace_split": pre_tokenizers.WhitespaceSplit(),
    "digits": pre_tokenizers.Digits(individual_digits=False),
    "single_digits": pre_tokenizers.Digits(individual_digits=True),
    "delimiter": pre_tokenizers.CharDelimiterSplit("e"),
    "byte_level": pre_tokenizers.ByteLevel(add_prefix_space=True),
    "byte_level_whole": pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    **{f"metaspace_{name}": pre_tokenizers.Metaspace(prepend_scheme=name) for name in ("always", "first", "never")},
    "metaspace_whole": pre_tokenizers.Metaspace(split=False),
    "sequence": pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]),
}
TOKENS = ("[SEP]", 1), ("[CLS]", 2)
PROCESSORS = {
    "bert": processors.BertProcessing(*TOKENS),
    **{
        f"roberta_{trim}_{space}": processors.RobertaProcessing(*TOKENS, trim_offsets=trim, add_prefix_space=space)
        for trim in (True, False)
        for space in (True, False)
    },
    **{f"byte_level_{trim}": processors.ByteLevel(trim_offsets=trim) for trim in (True, False)},
    "template": processors.TemplateProcessing(
        single="[CLS] $A:3 [SEP]:4", pair="[CLS] $B [SEP]:1 $A:5 [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 1)]
    ),
    "sequence": processors.Sequence([processors.ByteLevel(trim_offsets=True), processors.BertProcessing(*TOKENS)]),
}


@pytest.mark.parametrize("name", NORMALIZERS)
def test_a_normalizer(name: str, tmp_path: Path) -> None:
    _compare(tmp_path, normalizer=NORMALIZERS[name], pre_tokenizer=pre_tokenizers.WhitespaceSplit())


@pytest.mark.parametrize(
    "count", [pytest.param(3_000, id="few"), pytest.param(100_000, marks=pytest.mark.slow, id="many")]
)
@pytest.mark.parametrize("rule", ["nmt_nfkc", "nmt_nfkc_cf", "nfkc", "nfkc_cf"])
def test_a_map_of_characters(rule: str, count: int, tmp_path: Path) -> None:
    part = normalizers.Precompiled(sentencepiece_samples.character_map(rule))
    _compare(tmp_path, texts=sentencepiece_samples.texts(count, seed=count), normalizer=part)


@pytest.mark.parametrize("name", PRE_TOKENIZERS)
def test_a_pre_tokenizer(name: str, tmp_path: Path) -> None:
    _compare(tmp_path, pre_tokenizer=PRE_TOKENIZERS[name])


@pytest.mark.parametrize("mode", ["encode", "pairs"])
@pytest.mark.parametrize("name", PROCESSORS)
def test_a_post_processor(name: str, mode: str, tmp_path: Path) -> None:
    before = pre_tokenizers.ByteLevel(add_prefix_space="True" in name or name == "sequence")
    _compare(tmp_path, mode, pre_tokenizer=before, post_processor=PROCESSORS[name])
    _compare(tmp_path, mode, pre_tokenizer=pre_tokenizers.Split(" ", "isolated"), post_processor=PROCESSORS[name])


def _compare(folder: Path, mode: str = "encode", texts: list[str] = TEXTS, **parts: Any) -> None:
    tokenizer = _one_token_a_character(parts, texts)
    file = folder / "tokenizer.json"
    tokenizer.save(str(file))
    if mode == "pairs":
        wanted = [tokenizer.encode(a, b) for a, b in zip(texts[::2], texts[1::2], strict=True)]
    else:
        wanted = tokenizer.encode_batch(texts)
    given = list(native(file, texts, mode, folder))
    wrong = differences([reference(encoding) for encoding in wanted], given, texts[:: 2 if mode == "pairs" else 1])
    assert not wrong, (parts, wrong[:2])


def _one_token_a_character(parts: dict[str, Any], texts: list[str]) -> Tokenizer:
    """A piece's first character has another id than the others, so that ids show where pieces begin."""
    normalizer = parts.get("normalizer")
    seen = set("".join(texts if normalizer is None else [*texts, *map(normalizer.normalize_str, texts)]))
    characters = sorted(seen | set(pre_tokenizers.ByteLevel.alphabet()) | set("_abxyzu \u2581"))
    vocabulary = {token: index for index, token in enumerate(["[UNK]", "[SEP]", "[CLS]"])}
    for character in characters:
        vocabulary[character] = len(vocabulary)
        vocabulary["##" + character] = len(vocabulary)
    model = models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=10_000)
    # The longest match would take "##a" in a piece that holds those characters.
    assert not any(len(token) > 3 and not token.startswith("[") for token in vocabulary)
    tokenizer = Tokenizer(model)
    for name, part in parts.items():
        setattr(tokenizer, name, part)
    return tokenizer
