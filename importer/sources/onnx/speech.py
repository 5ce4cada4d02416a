"""Voices that predict the parts of a spectrum, and the sound of them. Importing this module imports torch.

The networks of the package hibari-tts (Apache-2.0) predict, for each frame of 12.5 ms, the spectrum of the voice
without its pitch (`lh`, and its phase `theta`), that of the noise (`ln`), a free part (`lr`, `phi`) and the pitch
(`f0`, in Hz):

    S = exp(lh) exp(i pi tanh(theta)) STFT(pulses(f0)) + exp(ln) Z + exp(lr) exp(i phi)

The sound is the inverse STFT of S: 1,200 samples each, every 300, with a Hann window, at 24 kHz.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from importer.inputs.made_up import example_shape, make_tensor
from importer.model import SourceMethod
from importer.signature import Dimension, TensorSpec
from importer.sources.onnx.file.model_file import ValueType

PARTS = ("lh", "theta", "ln", "lr", "phi", "f0")
METHOD, OUTPUT, SAMPLE_RATE = "sound", "waveform", 24_000
_WINDOW, _HOP = 1_200, 300
_BINS, _OVERLAP = _WINDOW // 2 + 1, _WINDOW // _HOP
_LOUDEST = 7.0  # of a logarithm
_LOWEST, _HIGHEST = 40.0, 11_000.0  # of a voice and of its harmonics, in Hz
_NOISE = 1 << 16
_SMALL = 2e-3  # of a sine, where its quotient is computed by its limit


def is_spectrum(outputs: Sequence[ValueType]) -> bool:
    """Whether a graph's outputs are the parts of a spectrum."""
    bins = {item.dims[-2] for item in outputs[:-1] if item.dims is not None and len(item.dims) == 3}
    return tuple(item.name for item in outputs) == PARTS and bins == {_BINS}


def card() -> dict[str, Any]:
    """The task card of such a voice, without its symbols."""
    return {
        "kind": "speech_synthesis",
        "input": {"ids": "ids", "speed": "speed"},
        "output": {"name": OUTPUT, "sound": METHOD, "sample_rate": SAMPLE_RATE},
    }


def method(frames: Dimension) -> SourceMethod:
    """The method that makes the sound of the other outputs, for as many frames."""
    varies = Dimension(max(4, 2 * frames.minimum), 2 * frames.maximum, "spectra")
    specs = [TensorSpec(name, "float32", (Dimension(1, 1), Dimension(_BINS, _BINS), varies)) for name in PARTS[:-1]]
    specs.append(TensorSpec(PARTS[-1], "float32", (Dimension(1, 1), varies)))
    example = tuple(make_tensor(spec, example_shape(spec)) for spec in specs)
    made = SourceMethod(METHOD, Waveform().eval(), None, (example, {}), specs, None, True)
    made.input_names, made.output_names = list(PARTS), [OUTPUT]
    return made


class Waveform(nn.Module):
    """The sound of the parts: float32[1, 300 * frames], about -1 to 1.

    Sums of cosines and sines are products with two symmetric matrices, of which the same two serve both ways.
    """

    def __init__(self) -> None:
        super().__init__()
        turns = torch.outer(torch.arange(_BINS), torch.arange(_BINS)).remainder(_WINDOW).double() / _WINDOW
        angles = 2 * math.pi * turns
        window = 0.5 - 0.5 * torch.cos(2 * math.pi * torch.arange(_WINDOW).double() / _WINDOW)
        weights = torch.full((_BINS,), 2.0 / _WINDOW)
        weights[0] = weights[-1] = 1.0 / _WINDOW
        self.register_buffer("cosines", torch.cos(angles).float(), persistent=False)
        self.register_buffer("sines", torch.sin(angles).float(), persistent=False)
        self.register_buffer("window", window.float(), persistent=False)
        self.register_buffer("weights", weights, persistent=False)
        self.register_buffer("squares", (window * window).float(), persistent=False)
        # Numbers of one table, from another place in each frame: the same sound for the same text.
        noise = np.random.default_rng(0).standard_normal(_NOISE, dtype=np.float32)
        self.register_buffer("noise", torch.from_numpy(noise), persistent=False)
        place = (torch.arange(_HOP).float() + 0.5) / _HOP - 0.5
        self.register_buffer("places", place.remainder(1.0), persistent=False)

    def forward(self, lh: Tensor, theta: Tensor, ln: Tensor, lr: Tensor, phi: Tensor, f0: Tensor) -> Tensor:
        harmonic, turn, noisy, free, phase, pitch = lh[0], theta[0], ln[0], lr[0], phi[0], f0[0]
        real, imaginary = self._spectrum(pulses(pitch, self.get_buffer("places")))
        angle = math.pi * torch.tanh(turn.t())
        cosine, sine, loud = torch.cos(angle), torch.sin(angle), _exp(harmonic.t())
        # The product of two complex numbers, then the other two parts.
        both = (real * cosine - imaginary * sine) * loud, (real * sine + imaginary * cosine) * loud
        random_real, random_imaginary = self._random(harmonic.shape[1])
        loud, other = _exp(noisy.t()), _exp(free.t())
        real = both[0] + random_real * loud + torch.cos(phase.t()) * other
        imaginary = both[1] + random_imaginary * loud + torch.sin(phase.t()) * other
        return self._sound(real, imaginary).reshape(1, -1)

    def _spectrum(self, sound: Tensor) -> tuple[Tensor, Tensor]:
        """The STFT of [frames, 300]: real and imaginary part, [frames, 601]."""
        count = sound.shape[0]
        flat = sound.reshape(-1)
        half = _WINDOW // 2
        padded = torch.cat([flat[1 : half + 1].flip(0), flat, flat[-half - 1 : -1].flip(0)]).reshape(-1, _HOP)
        pieces = torch.cat([padded[shift : shift + count] for shift in range(_OVERLAP)], 1)
        # A cosine's peak in the spectrum is then its amplitude.
        pieces = pieces * (self.get_buffer("window") * (_OVERLAP / _WINDOW))
        first, second = pieces[:, :_BINS], pieces[:, half:].flip(1)  # samples n, and samples 1200 - n
        zero = torch.zeros_like(first[:, :1])
        mirrored = torch.cat([zero, second[:, :-1], zero], 1)
        inner = torch.cat([zero, first[:, 1:-1], zero], 1)
        return (first + mirrored) @ self.get_buffer("cosines"), (mirrored - inner) @ self.get_buffer("sines")

    def _sound(self, real: Tensor, imaginary: Tensor) -> Tensor:
        """The inverse STFT of [frames, 601]: [frames, 300]."""
        count = real.shape[0]
        weights = self.get_buffer("weights")
        even = (real * weights) @ self.get_buffer("cosines")
        odd = (imaginary * weights) @ self.get_buffer("sines")
        pieces = torch.cat([even - odd, (even + odd)[:, 1:-1].flip(1)], 1) * self.get_buffer("window")
        # Where fewer windows overlap, at both ends, their sum is smaller.
        squares = torch.zeros_like(pieces) + self.get_buffer("squares")
        return _overlapped(pieces, count) / _overlapped(squares, count)

    def _random(self, count: Any) -> tuple[Tensor, Tensor]:
        starts = (torch.arange(count) * (2 * _BINS + 1)).unsqueeze(1)
        index = (starts + torch.arange(2 * _BINS)).remainder(_NOISE)
        values = self.get_buffer("noise")[index]
        return values[:, :_BINS], values[:, _BINS:]


def pulses(pitch: Tensor, places: Tensor) -> Tensor:
    """A train of pulses, [frames, 300], of a pitch in Hz, [frames]: all harmonics below 11 kHz with the amplitude 1.
    Where the pitch is below 40 Hz there are none.

    The sum of cos(h t) for h = 1 to H is sin((H + 1/2) t) / (2 sin(t / 2)) - 1/2.
    """
    before = torch.cat([pitch[:1], pitch[:-1]]).unsqueeze(1)
    after = torch.cat([pitch[1:], pitch[-1:]]).unsqueeze(1)
    half = _HOP // 2
    left, right = places[:half], places[half:]
    here = pitch.unsqueeze(1)
    hertz = torch.cat([before * (1 - left) + here * left, here * (1 - right) + after * right], 1)
    voiced = hertz > _LOWEST
    hertz = hertz.clamp(min=_LOWEST)
    # Turns: exact for whole frames, and short sums within one.
    steps = hertz.double() / SAMPLE_RATE
    inside = steps.cumsum(1)
    ends = inside[:, -1].cumsum(0).unsqueeze(1)
    turns = ends - inside[:, -1:] + inside
    angle = ((turns - turns.floor()) * (2 * math.pi)).float()
    harmonics = (_HIGHEST / hertz).floor() + 0.5
    sine = torch.sin(angle * 0.5) * 2
    is_small = sine.abs() <= _SMALL
    quotient = torch.sin(harmonics * angle) / torch.where(is_small, torch.ones_like(sine), sine)
    found = torch.where(is_small, harmonics, quotient) - 0.5
    return torch.where(voiced, found, torch.zeros_like(found))


def _exp(value: Tensor) -> Tensor:
    return value.clamp(max=_LOUDEST).exp()


def _overlapped(pieces: Tensor, count: Any) -> Tensor:
    """The sum of pieces of 1,200 samples that begin every 300, without its first and last 600: [frames, 300]."""
    parts = [
        functional.pad(pieces[:, shift * _HOP : (shift + 1) * _HOP], (0, 0, shift, _OVERLAP - 1 - shift))
        for shift in range(_OVERLAP)
    ]
    return (parts[0] + parts[1] + parts[2] + parts[3])[2 : count + 2]
