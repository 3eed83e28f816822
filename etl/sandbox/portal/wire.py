"""What travels over the wire: PHP's reading of a request and PHP's writing of a reply.

Bitrix24 is a PHP program and its REST interface shows it: nested parameters in brackets, arrays that are
lists or maps depending on their keys, casts instead of type errors. Everything PHP-like lives here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

MAX_INPUT_VARS = 1000  # PHP drops the variables of a form or a batch command beyond this number


class RestError(Exception):
    """A refusal: HTTP status, `error` (a word, a number or an empty text) and `error_description`."""

    def __init__(self, status: int, code: str | int, text: str = "") -> None:
        super().__init__(f"{status} {code} {text}")
        self.status, self.code, self.text = status, code, text

    def body(self) -> dict[str, Any]:
        return {"error": self.code, "error_description": self.text}


def old_error(text: str) -> RestError:
    """The refusal of an old `crm.*` method: status 400, empty code, prose."""
    return RestError(400, "", text)


@dataclass(frozen=True)
class Page:
    """The result of a method; lists also carry the total and the offset of the next page."""

    result: Any
    total: int | None = None
    next: int | None = None


def decode_request(query: str, content_type: str, body: bytes) -> dict[str, Any]:
    """Parameters of one request: the query string with the body laid over it."""
    params = parse_query(query)
    params.update(_decode_body(content_type, body))
    return params


def _decode_body(content_type: str, body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    kind = content_type.split(";")[0].strip().lower()
    if kind == "application/json":
        return _decode_json(body)
    if kind == "multipart/form-data":
        return parse_pairs(_multipart_pairs(content_type, body))
    return parse_query(body.decode("utf-8", "replace"))


def _decode_json(body: bytes) -> dict[str, Any]:
    """Broken JSON counts as no parameters at all, without an error: so does the real portal."""
    try:
        value = json.loads(body, parse_float=str)  # text keeps 1234.10 as it was written
    except (ValueError, RecursionError):
        return {}
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}
    return value if isinstance(value, dict) else {}


def _multipart_pairs(content_type: str, body: bytes) -> list[tuple[str, str]]:
    message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body
    )
    pairs = []
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            pairs.append((name, content.decode("utf-8", "replace")))
    return pairs


def parse_query(query: str) -> dict[str, Any]:
    """PHP's parse_str: `filter[>ID]=5&select[]=ID` as nested maps and lists."""
    if not query:
        return {}
    return parse_pairs(parse_qsl(query, keep_blank_values=True)[:MAX_INPUT_VARS])


def parse_pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for name, value in pairs:
        path = _split_name(name)
        if path:
            _place(root, path, value)
    return {key: _listed(value) for key, value in root.items()}


def _split_name(name: str) -> list[str]:
    """`a[b][]` -> ["a", "b", ""]. An unclosed bracket becomes an underscore, as PHP does."""
    head, bracket, rest = name.partition("[")
    head = head.lstrip().replace(".", "_").replace(" ", "_")
    if not bracket or not head:
        return [head] if head else []
    if "]" not in rest:
        return [f"{head}_{rest}"]
    path = [head]
    while "]" in rest:
        part, _, rest = rest.partition("]")
        path.append(part)
        if not rest.startswith("["):
            break
        rest = rest[1:]
    return path


def _place(node: dict[str, Any], path: list[str], value: str) -> None:
    for part in path[:-1]:
        child = node.get(part) if part else None
        if not isinstance(child, dict):
            child = {}
            node[part or _free_index(node)] = child
        node = child
    node[path[-1] or _free_index(node)] = value


def _free_index(node: dict[str, Any]) -> str:
    taken = [int(key) for key in node if key.isdigit()]
    return str(max(taken) + 1 if taken else 0)


def _listed(value: Any) -> Any:
    """Maps with the keys 0..n-1 are lists: PHP knows no difference."""
    if not isinstance(value, dict):
        return value
    items = {key: _listed(item) for key, item in value.items()}
    return list(items.values()) if is_list_like(items) else items


def is_list_like(value: dict[Any, Any]) -> bool:
    """Whether PHP would write this map as a list: it is empty or its keys are 0..n-1 in this order."""
    return all(str(key) == str(index) for index, key in enumerate(value))


def php_shape(value: Any) -> Any:
    """A value as PHP's json_encode shows it: an empty map is `[]`, a map with keys 0..n-1 is a list."""
    if isinstance(value, dict):
        changed = {key: php_shape(item) for key, item in value.items() if item.__class__ in (dict, list)}
        shaped = {**value, **changed} if changed else value
        return list(shaped.values()) if is_list_like(shaped) else shaped
    if isinstance(value, list):
        return [php_shape(item) if item.__class__ in (dict, list) else item for item in value]
    return value


def encode(payload: dict[str, Any]) -> bytes:
    """JSON text with the escapes of the portal: non-ASCII, `/`, `&`, `<`, `>` and the apostrophe.

    >>> encode({"result": {"url": "a/b&c"}})
    b'{"result":{"url":"a\\\\/b\\\\u0026c"}}'
    """
    text = json.dumps(payload, separators=(",", ":"), default=str)
    for raw, escaped in (
        ("/", "\\/"),
        ("&", "\\u0026"),
        ("<", "\\u003C"),
        (">", "\\u003E"),
        ("'", "\\u0027"),
    ):
        text = text.replace(raw, escaped)
    return text.encode("ascii")


def php_int(value: Any) -> int:
    """PHP's `(int)`: leading digits of a text, 1 for a non-empty array, 0 for everything else."""
    if isinstance(value, (dict, list)):
        return 1 if value else 0
    if isinstance(value, (bool, int)):
        return int(value)
    text = str(value or "").strip()
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.lstrip("+"))
    end = next((i for i, char in enumerate(digits) if not ("0" <= char <= "9")), len(digits))
    return sign * int(digits[:end]) if end else 0


def as_list(value: Any) -> list[Any]:
    """A list parameter in any of its spellings: list, map, or one bare value."""
    if value is None or value == "":
        return []
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else [value]


def as_map(value: Any) -> dict[str, Any]:
    """A map parameter; a list (PHP's spelling of a map with keys 0..n-1) becomes that map again."""
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}
    return value if isinstance(value, dict) else {}


def is_yes(value: Any) -> bool:
    return value is True or str(value).upper() in ("Y", "1", "TRUE")
