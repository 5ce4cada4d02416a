"""The errors of ONNX files. Standard library only."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from importer.errors import ImporterError
from importer.sources import protobuf

if TYPE_CHECKING:
    from importer.sources.onnx.file.model_file import Node

_AGAIN = "Download or export the file again."


class LengthNeeded(ImporterError):
    """ONNX_VALUE_NEEDED of a Range that counts up to a value which depends on the inputs' values."""

    def __init__(self, cause: ImporterError, node: Node) -> None:
        super().__init__(cause.code, cause.cause, cause.remedy, cause.stage)
        self.node = node


def damaged(reason: str) -> ImporterError:
    """Bytes that are not the encoding of an ONNX model."""
    return ImporterError("ONNX_DAMAGED", f"The ONNX file is damaged: {reason}.", _AGAIN, "read")


def unknown_field(message: str, number: int) -> ImporterError:
    cause = f"The ONNX file has the field {number} in a {message}, which no known version of ONNX has."
    return ImporterError("ONNX_UNKNOWN_FIELD", cause, "Export it again for opset 7 to 28.", "read")


def too_large(reason: str) -> ImporterError:
    remedy = "Use a smaller model, or export this one again with torch.export.save."
    return ImporterError("ONNX_TOO_LARGE", f"The ONNX file is too large: {reason}.", remedy, "read")


@contextlib.contextmanager
def of_an_onnx_file() -> Iterator[None]:
    """The errors of the format that ONNX files are written in, as those of an ONNX file."""
    try:
        yield
    except protobuf.UnknownField as error:
        raise unknown_field(error.message, error.number) from error
    except protobuf.TooLarge as error:
        raise too_large(str(error)) from error
    except protobuf.Damaged as error:
        raise damaged(str(error)) from error


def invalid(reason: str) -> ImporterError:
    """A graph that no ONNX runtime may accept."""
    return ImporterError("ONNX_GRAPH_INVALID", f"The ONNX graph is invalid: {reason}.", _AGAIN, "read")


def cyclic(reason: str) -> ImporterError:
    return ImporterError("ONNX_GRAPH_CYCLIC", f"The ONNX graph has a cycle: {reason}.", _AGAIN, "read")


def bad_tensor(name: str, reason: str) -> ImporterError:
    return ImporterError("ONNX_TENSOR_INVALID", f"The tensor '{name[:100]}' of the ONNX file {reason}.", _AGAIN, "read")


def bad_type(reason: str) -> ImporterError:
    remedy = "Export the model again with tensors of numbers only."
    return ImporterError("ONNX_TYPE_UNSUPPORTED", f"{reason}.", remedy, "read")


def bad_attribute(node: str, name: str, reason: str) -> ImporterError:
    cause = f"The attribute '{name}' of {node} {reason}."
    return ImporterError("ONNX_ATTRIBUTE_INVALID", cause, _AGAIN, "load")


def external_missing(tensor: str, location: str) -> ImporterError:
    cause = f"The tensor '{tensor[:100]}' is in the file '{location[:100]}', which is not beside the ONNX file."
    return ImporterError("ONNX_EXTERNAL_DATA_MISSING", cause, f"Put '{location[:100]}' beside it.", "read")


def external_refused(tensor: str, reason: str) -> ImporterError:
    cause = f"The external data of the tensor '{tensor[:100]}' cannot be used: {reason}."
    remedy = (
        "Save the model again with its data in one file beside it: "
        "onnx.save(model, 'net.onnx', save_as_external_data=True, location='net.onnx.data')."
    )
    return ImporterError("ONNX_EXTERNAL_DATA_REFUSED", cause, remedy, "read")
