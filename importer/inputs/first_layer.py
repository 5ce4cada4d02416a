"""Which input a model's first layer takes, and the request for it. Standard library only."""

from __future__ import annotations

from importer.errors import Guess, ImporterError

_LARGEST_BATCH = 64


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


def inputs_needed(names: list[str], guess: str) -> ImporterError:
    """The request for example inputs. names: forward's; guess: what the first layer takes, or empty."""
    cause = f"To export the model its inputs must be known; forward takes {', '.join(names) or 'unnamed arguments'}."
    forms = [guess or "float32[1,3,224,224]", *["float32[1,8]"] * (len(names) - 1)]
    each = [f"{name}: {form}" for name, form in zip(names or ["x"], forms, strict=True)]
    how = f"Write the option 'inputs', for example `{'; '.join(each)}`"
    why = " (guessed from the first layer)" if guess else ""
    remedy = f"{how}{why}, or add a function example_inputs() to the factory's file."
    guesses = guess_inputs(names[0], guess) if guess and len(names) == 1 else []
    return ImporterError("INPUTS_NEEDED", cause, remedy, "load", guesses=guesses)


def guess_inputs(name: str, one: str) -> list[Guess]:
    """One sample with each call, or a batch that varies. one: such as `float32[1,8]`."""
    batch = one.replace("[1,", f"[N:1..{_LARGEST_BATCH},", 1)
    guesses = [
        Guess(
            f"{name}: {one}", "Guessed from the first layer: one sample with each call.", {"inputs": f"{name}: {one}"}
        )
    ]
    if batch != one:
        reason = f"Guessed from the first layer: 1 to {_LARGEST_BATCH} samples with each call."
        guesses.append(Guess(f"{name}: {batch}", reason, {"inputs": f"{name}: {batch}"}))
    return guesses
