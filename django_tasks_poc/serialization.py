"""JSON in and out, types restored by annotations (msgspec), and the guarded import of a class by its path."""

from __future__ import annotations

import dataclasses
import inspect
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from typing import Any, get_type_hints

import msgspec

from .exceptions import InvalidHandler, InvalidParams, InvalidResponse, UnreadableRow
from .words import short

#: Levels of lists and dicts in a value: a reader in a deep call must not run out of stack.
MAX_DEPTH = 500

_TOO_DEEP = f"it is nested more than {MAX_DEPTH} levels deep, or holds itself; make it flatter."
_KEYS = "a key of a dict is no string; convert the keys."


@lru_cache(maxsize=4096)
def import_class(path: str, base: type) -> type:
    """Import the class at ``package.module.Class`` (or ``.Outer.Inner``) and return it if it derives from ``base``."""
    found = import_path(path)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise InvalidHandler(f"{path} is not a subclass of {base.__name__}.")
    refuse_abstract(found)
    return found


def refuse_abstract(cls: Any) -> None:
    """Raise InvalidHandler for a class that cannot be made, naming the methods that it lacks."""
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(cls.__abstractmethods__))
        raise InvalidHandler(f"{class_path(cls)} is abstract; it must have the method {missing}.")


def import_path(path: str) -> Any:
    """Return what lies at ``package.module.name``; the caller looks at what it is before it uses it."""
    parts = path.split(".")
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        raise InvalidHandler(f"{short(path)} is no dotted path of a class, like shop.jobs.Report.")
    for cut in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:cut])
        try:
            found: Any = import_module(name)
        except ModuleNotFoundError as error:
            # A module that exists and fails on an import of its own keeps its own error.
            if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
                raise InvalidHandler(f"{path} cannot be imported: {error}") from error
            continue
        except (Exception, SystemExit) as error:
            raise InvalidHandler(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
        for part in parts[cut:]:
            found = getattr(found, part, None)
        if found is None:
            raise InvalidHandler(f"{path} cannot be imported: module {name} has no {'.'.join(parts[cut:])}.")
        return found
    raise InvalidHandler(f"{path} cannot be imported: there is no module {parts[0]}.")


def class_path(cls: type) -> str:
    """Return the dotted path by which another process can import ``cls``."""
    path = f"{cls.__module__}.{cls.__qualname__}"
    if cls.__module__ == "__main__" or "<locals>" in path:
        raise InvalidHandler(f"{path} cannot be imported by another process. Move it to the top level of a module.")
    return path


@lru_cache(maxsize=4096)
def params_type(cls: type) -> type[msgspec.Struct]:
    """Return a struct of the keyword arguments that ``cls.__init__`` takes, with their annotations."""
    init = cls.__init__  # type: ignore[misc]  # its signature is all that is read
    fields: list[Any] = []
    if init is object.__init__:
        return msgspec.defstruct("Params", fields, forbid_unknown_fields=True)
    try:
        namespace = vars(sys.modules[cls.__module__])
        hints = get_type_hints(init, namespace, include_extras=True)
    except (NameError, TypeError) as error:
        raise InvalidHandler(f"An annotation of {cls.__qualname__}.__init__ cannot be read: {error}") from error
    open_ended = False
    for name, parameter in list(inspect.signature(init).parameters.items())[1:]:
        if parameter.kind is parameter.VAR_KEYWORD:
            open_ended = True
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            raise InvalidHandler(f"{cls.__qualname__}.__init__ takes {name!r} by position; params are given by name.")
        elif parameter.default is parameter.empty:
            fields.append((name, hints.get(name, Any)))
        else:
            # Left out is left out: the handler's own default applies.
            fields.append(
                (
                    name,
                    hints.get(name, Any) | msgspec.UnsetType if hints.get(name, Any) is not Any else Any,
                    msgspec.UNSET,
                )
            )
    return msgspec.defstruct("Params", fields, kw_only=True, forbid_unknown_fields=not open_ended)


def to_json(value: Any, what: str, error: type[Exception] = InvalidResponse) -> str:
    """Return ``value`` as JSON text; ``what`` names it in the error.

    Takes JSON values, dataclasses, dates, times, UUID, Decimal, enums, sets, bytes. NaN, infinities, NUL, lone
    surrogates and very deep values are refused: not every database and JSON reader gives them back.
    """
    try:
        plain = msgspec.to_builtins(value, str_keys=True, enc_hook=_refuse)
        _check_values(plain, MAX_DEPTH)
        return msgspec.json.encode(plain).decode()
    except RecursionError as failure:
        raise error(f"{what} cannot be stored as JSON: {_TOO_DEEP}") from failure
    except UnicodeEncodeError as failure:
        half = failure.object[failure.start]
        why = f"a string holds half a surrogate pair ({half!r}), which is no character; remove it."
        raise error(f"{what} cannot be stored as JSON: {why}") from failure
    except _Refused as failure:
        raise error(f"{what} cannot be stored as JSON: {failure}") from failure
    except Exception as failure:  # Also what an object of the user's raises when it is looked into.
        text = text_of(failure)
        why = _KEYS if text.startswith("Only dicts with") else f"{type(failure).__qualname__}: {text}"
        raise error(f"{what} cannot be stored as JSON: {why}") from failure


def _refuse(value: Any) -> Any:
    raise _Refused(
        f"{type(value).__module__}.{type(value).__qualname__} has no JSON form; "
        "use dicts, lists, strings, numbers, booleans, None or a dataclass of them."
    )


def _check_values(value: Any, depth: int) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise _Refused("a string holds a NUL character ('\\x00'), which databases refuse; remove it.")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _Refused(f"{value} is no JSON number; use None or a string.")
    elif isinstance(value, dict | list | tuple):
        if not depth:
            raise _Refused(_TOO_DEEP)
        for item in value:
            _check_values(item, depth - 1)
        if isinstance(value, dict):
            for item in value.values():
                _check_values(item, depth - 1)


class _Refused(ValueError):
    """A value that JSON, or a database, does not take."""


def text_of(error: BaseException) -> str:
    """Return the text of an exception, whatever its ``__str__`` does."""
    try:
        return str(error)
    except Exception as failure:
        return f"(its __str__ raised {type(failure).__qualname__})"


def is_storable(text: str) -> bool:
    """Say whether every database takes the text: it holds no NUL and no lone surrogate."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def clean_text(text: str, limit: int = 1 << 16) -> str:
    """Return text that every database takes: NUL and lone surrogates replaced, the middle cut out above ``limit``."""
    text = text.replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()
    if len(text) <= limit:
        return text
    # With room for what is said between them: text that was cut once is not cut again.
    half = (limit - 40) // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters cut …\n{text[-half:]}"


def from_json(text: str) -> Any:
    """Return the plain value of JSON text."""
    return msgspec.json.decode(text)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Say of what fails inside that ``what``, read from a row, cannot be read; raise UnreadableRow."""
    try:
        yield
    except (msgspec.MsgspecError, InvalidHandler, RecursionError, ValueError) as error:
        raise UnreadableRow(
            f"{what} cannot be read: {str(error).rstrip('.')}. "
            "It was changed in the database: put it right there and retry what failed, or build the task anew."
        ) from error


def check_params(cls: type, params: Mapping[str, Any]) -> str:
    """Return the params of a handler as JSON text, or raise ``InvalidParams`` naming the one that does not fit."""
    if not isinstance(params, Mapping):
        raise InvalidParams(f"Params of {cls.__qualname__} must be a mapping of names to values, not {short(params)}.")
    text = to_json(dict(params), f"A param of {cls.__qualname__}", InvalidParams)
    _decode_params(cls, text)
    return text


def load_params(cls: type, text: str) -> dict[str, Any]:
    """Return the keyword arguments for ``cls``, restored by its annotations."""
    struct = _decode_params(cls, text)
    known = {name: value for name in struct.__struct_fields__ if (value := getattr(struct, name)) is not msgspec.UNSET}
    if struct.__struct_config__.forbid_unknown_fields:
        return known
    return {**from_json(text), **known}


def _decode_params(cls: type, text: str) -> msgspec.Struct:
    try:
        return msgspec.json.decode(text, type=params_type(cls))
    except (msgspec.MsgspecError, RecursionError) as error:
        takes = ", ".join(params_type(cls).__struct_fields__) or "none"
        raise InvalidParams(f"Params of {cls.__qualname__}: {error}. It takes {takes}.") from error
    except InvalidHandler:
        raise
    except TypeError as error:
        raise InvalidHandler(
            f"{cls.__qualname__}.__init__ has an annotation that JSON cannot restore: {error}"
        ) from error


def dump_response(value: Any, base: type) -> tuple[str, str]:
    """Return JSON text and, for a dataclass deriving from ``base``, the dotted path of its class ("" otherwise)."""
    name = type(value).__qualname__
    if not isinstance(value, base):
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            raise InvalidResponse(
                f"The response {name} is a dataclass that does not derive from {base.__name__}; derive it, to have it "
                "back as it is, or return dataclasses.asdict(…) of it."
            )
        return to_json(value, "The response"), ""
    if not dataclasses.is_dataclass(value):
        raise InvalidResponse(
            f"The response {name} derives from {base.__name__} and must be a dataclass too; decorate it."
        )
    path, text = class_path(type(value)), to_json(value, "The response")
    try:
        msgspec.json.decode(text, type=type(value))
    except Exception as error:  # Whatever its annotations and its __post_init__ hold ready.
        raise InvalidResponse(f"The response {name} would not come back as it is: {text_of(error)}.") from error
    return text, path


def load_response(text: str, path: str, base: type) -> Any:
    """Return a response as it was given: a plain value, or the dataclass named by ``path``."""
    if not text:
        return None
    if not path:
        return from_json(text)
    return msgspec.json.decode(text, type=import_class(path, base))
