"""Which input a model's first layer takes, and the request for it. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Collection

from importer.errors import Guess, ImporterError

_LARGEST_BATCH = 64
_OTHER_SIZES = {"2": (28, 32, 64, 16, 96, 128, 224, 256, 84, 12, 8), "1": (128, 64, 256, 512, 1024, 16000, 32, 16)}


def example_input(kind: str, weight: tuple[int, ...], groups: int = 1, batch_first: bool = False) -> str:
    """An input for a first layer of this kind whose weight has this shape, as the option `inputs` writes it."""
    if kind == "Embedding":
        return "int64[1,16]"
    if len(weight) < 2:
        return ""
    channels = weight[1] * groups
    if kind == "Linear":
        return f"float32[1,{channels}]"
    if kind == "Conv2d":
        size = 224 if channels == 3 else 28
        return f"float32[1,{channels},{size},{size}]"
    if kind == "Conv1d":
        return f"float32[1,{channels},{16000 if channels == 1 else 128}]"
    if kind in ("LSTM", "GRU", "RNN"):
        return f"float32[1,16,{channels}]" if batch_first else f"float32[16,1,{channels}]"
    return ""


def other_sizes(guess: str) -> list[str]:
    """A guess and the same with other usual sizes, where the first layer says only how many channels there are."""
    found = re.fullmatch(r"(float32\[1,\d+),(\d+)(,\2)?\]", guess)
    if not found:
        return [guess]
    sizes = _OTHER_SIZES["2" if found[3] else "1"]
    return list(dict.fromkeys([guess, *(f"{found[1]},{size}{f',{size}' if found[3] else ''}]" for size in sizes)]))


def takes_any_size(shapes: Collection[tuple[int, ...]]) -> bool:
    """Whether a network with a convolution first takes pictures of many sizes, by the shapes of its tensors: each
    linear layer takes the channels of another layer, and no tensor has a picture's sizes."""
    channels = {shape[0] for shape in shapes if shape}
    return all(len(shape) != 3 and (len(shape) != 2 or shape[1] in channels) for shape in shapes)


def inputs_needed(names: list[str], guess: str, factory: str = "", found: str = "") -> ImporterError:
    """The request for example inputs. names: forward's; guess: what the first layer takes, or empty; factory: the name
    of its file, or empty; found: all inputs as the option `inputs` writes them, if the model runs with no others."""
    cause = f"To export the model its inputs must be known; forward takes {', '.join(names) or 'unnamed arguments'}."
    one = f"{names[0]}: {guess}" if guess and len(names) == 1 else found
    if one:
        why = "guessed from the layers" if not found else "the only sizes of its layers with which it runs"
        sentences = [f"Write the option 'inputs', for example `{one}` ({why})."]
    elif len(names) > 1:
        form = "; ".join(f"{name}: float32[...]" for name in names)
        sentences = [f"Write type and shape of each in the option 'inputs': `{form}`."]
        sentences += [f"Its first layer takes, for example, {guess}."] if guess else []
    else:
        form = f"{(names or ['x'])[0]}: float32[1,3,224,224]"
        sentences = [f"Write type and shape in the option 'inputs', as in `{form}`."]
    sentences += [f"Or write a function example_inputs() into {factory}."] if factory else []
    guesses = [Guess(f"{way}: {inputs}", why, {"inputs": inputs}) for way, why, inputs in input_choices(one)]
    return ImporterError("INPUTS_NEEDED", cause, " ".join(sentences), "load", guesses=guesses)


def input_choices(one: str) -> list[tuple[str, str, str]]:
    """Words, reason and the option `inputs` for one sample with each call, and for a batch that varies. one: such as
    `x: float32[1,8]`; empty for no choices."""
    if not one:
        return []
    batch = re.sub(r"\[1,", f"[N:1..{_LARGEST_BATCH},", one)
    single = ("One sample per call", "Guessed from the layers: one sample with each call.", one)
    if batch.count("[N:") < one.count(": "):  # not every input begins with the sample
        return [single]
    many = f"1 to {_LARGEST_BATCH} samples"
    return [single, (f"{many} per call", f"Guessed from the layers: {many} with each call.", batch)]
